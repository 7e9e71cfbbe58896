"""Turns of a workspace: calls of one kind, such as change sets, take place one after the other in a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal, TypeAlias

from orvanta_platform.errors import RateLimited

_MAX_WAITING: Final = 20
_RETRY_AFTER_S: Final = 5


Kind: TypeAlias = Literal["changes", "plans", "archive", "git", "tests", "release_tests", "references"]


class Turns:
    """One call of a workspace at a time, and a limited number that waits.

    A call waits before it takes a connection, so that one workspace cannot occupy those of all others.
    """

    def __init__(self) -> None:
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._calls: dict[tuple[str, str], int] = {}

    @asynccontextmanager
    async def take(self, what: Kind, workspace: str) -> AsyncIterator[None]:
        """Wait for the turn. Raises RateLimited if too many calls wait."""
        key = what, workspace
        calls = self._calls.get(key, 0)
        if calls > _MAX_WAITING:
            raise RateLimited(
                "Too many change sets, archives, plans, test runs or searches of this workspace are waiting.",
                hint="Try again later.",
                details={"retry_after_s": _RETRY_AFTER_S},
            )
        self._calls[key] = calls + 1
        try:
            async with self._locks.setdefault(key, asyncio.Lock()):
                yield
        finally:
            self._calls[key] -= 1
            if not self._calls[key]:
                del self._calls[key], self._locks[key]
