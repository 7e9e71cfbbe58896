"""Turns of a workspace: calls of one kind, such as change sets, take place one after the other in a process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal, TypeAlias

from orvanta_platform.errors import RateLimited

_MAX_WAITING: Final = 20
_MAX_OF_ACCOUNT: Final = 8
"""Calls of one account, so that it cannot use up those of the others."""
_RETRY_AFTER_S: Final = 5


Kind: TypeAlias = Literal["changes", "plans", "archive", "git", "git_probes", "tests", "release_tests", "references"]


class Turns:
    """One call of a workspace at a time, and a limited number that waits.

    A call waits before it takes a connection, so that one workspace cannot occupy those of all others.
    """

    def __init__(self) -> None:
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._calls: dict[tuple[str, str], Counter[str | None]] = {}

    @asynccontextmanager
    async def take(self, what: Kind, workspace: str, account: str | None = None) -> AsyncIterator[None]:
        """Wait for the turn. Raises RateLimited if too many calls wait, in all or of the account."""
        key = what, workspace
        calls = self._calls.setdefault(key, Counter())
        if calls.total() > _MAX_WAITING or (account is not None and calls[account] >= _MAX_OF_ACCOUNT):
            raise RateLimited(
                "Too many change sets, archives, plans, test runs or searches of this workspace are waiting.",
                hint="Try again later.",
                details={"retry_after_s": _RETRY_AFTER_S},
            )
        calls[account] += 1
        try:
            async with self._locks.setdefault(key, asyncio.Lock()):
                yield
        finally:
            calls[account] -= 1
            if not calls.total():
                del self._calls[key], self._locks[key]
