"""Group commit: writes of concurrent tasks share one statement and one COMMIT."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Hashable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

W = TypeVar("W")
R = TypeVar("R")

MAX_WRITES = 200
MAX_BYTES = 1 << 20

_SLOW_S = 0.05


class _Item(Generic[W, R]):
    __slots__ = ("done", "write")

    def __init__(self, write: W) -> None:
        self.write = write
        self.done: asyncio.Future[R] = asyncio.get_running_loop().create_future()


class GroupCommit(ABC, Generic[W, R]):
    """Sends writes in batches of those that arrived in the same turn of the event loop, or during the last commit.

    A single write does not wait; batches form under load. A batch that the database rejects is divided until the
    rejected write is alone: only that one fails.
    """

    def __init__(self, name: str, *, concurrent: int = 1) -> None:
        """Write up to `concurrent` batches at the same time, if earlier ones take longer than 50 ms."""
        self._name = name
        self._concurrent = concurrent
        self._items: deque[_Item[W, R]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._slow: set[asyncio.Task[None]] = set()

    async def submit(self, write: W) -> R:
        """Return the result of the write once its batch has committed. Raises the error of a write that fails."""
        item = _Item[W, R](write)
        self._items.append(item)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain(), name=self._name)
        return await item.done

    async def close(self) -> None:
        """Stop writing; writes that have not committed raise CancelledError."""
        for task in [*self._slow, *([self._task] if self._task is not None else [])]:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for item in self._items:
            item.done.cancel()

    @abstractmethod
    async def _write(self, writes: Sequence[W]) -> Sequence[R]:
        """Commit these writes; returns their results. An error means that nothing was written."""

    @abstractmethod
    def _size(self, write: W) -> int:
        """Return the approximate size of the write, in bytes."""

    @abstractmethod
    def _key(self, write: W) -> Hashable:
        """Return a key: writes with the same key are never in one batch."""

    async def _drain(self) -> None:
        while self._items:
            batch = self._take()
            if self._concurrent == 1:
                await self._settle(batch)
                continue
            task = asyncio.create_task(self._settle(batch), name=self._name)
            self._slow.add(task)
            task.add_done_callback(self._slow.discard)
            await asyncio.wait([task], timeout=_SLOW_S)
            if len(self._slow) >= self._concurrent:
                await asyncio.wait(self._slow, return_when=asyncio.FIRST_COMPLETED)

    async def _settle(self, batch: Sequence[_Item[W, R]]) -> None:
        try:
            if batch:
                await self._commit(batch)
        finally:
            for item in batch:
                item.done.cancel()

    def _take(self) -> list[_Item[W, R]]:
        """Remove and return the oldest items that fit one batch."""
        batch: list[_Item[W, R]] = []
        later: list[_Item[W, R]] = []
        keys: set[Hashable] = set()
        size = 0
        while self._items and len(batch) < MAX_WRITES and size < MAX_BYTES:
            item = self._items.popleft()
            if item.done.done():
                continue
            key = self._key(item.write)
            if key in keys:
                later.append(item)
                continue
            keys.add(key)
            size += self._size(item.write)
            batch.append(item)
        self._items.extendleft(reversed(later))
        return batch

    async def _commit(self, batch: Sequence[_Item[W, R]]) -> None:
        try:
            results = await self._write([item.write for item in batch])
        except Exception as error:
            # Catches everything: if the task died, all callers would wait for ever.
            if len(batch) == 1:
                _fail(batch[0], error)
                return
            middle = len(batch) // 2
            await self._commit(batch[:middle])
            await self._commit(batch[middle:])
        else:
            for item, result in zip(batch, results, strict=True):
                if not item.done.done():
                    item.done.set_result(result)


def _fail(item: _Item[W, R], error: Exception) -> None:
    if not item.done.done():
        item.done.set_exception(error)
