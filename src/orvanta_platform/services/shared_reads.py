"""Reads that concurrent callers share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, TypeVar

T = TypeVar("T")

_MAX_WAIT_S: Final = 0.05


class SharedReads:
    """Reads of the database by key. A caller never gets a read that began before it asked.

    Callers that ask while a read of their key is running share the next one, which begins when that has ended, or
    after 50 ms. A single caller does not wait.
    """

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[Any]] = {}
        self._next: dict[Hashable, asyncio.Task[Any]] = {}

    async def get(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Return the result of `read`, or of that of another caller with the same key. Raises its errors."""
        task: asyncio.Task[T] | None = self._next.get(key)
        if task is None:
            task = self._next[key] = asyncio.create_task(self._read(key, read), name="shared read")
            task.add_done_callback(_retrieve_error)
        return await asyncio.shield(task)

    async def _read(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        running = self._running.get(key)
        if running is not None:
            await asyncio.wait([running], timeout=_MAX_WAIT_S)
        task = self._running[key] = self._next.pop(key)
        try:
            return await read()
        finally:
            if self._running.get(key) is task:
                del self._running[key]


def _retrieve_error(task: asyncio.Task[Any]) -> None:
    """Mark the error of a read as seen, in case all its callers were cancelled."""
    if not task.cancelled():
        task.exception()
