"""The committer: writes steps through one connection, in batches of those that arrived during the last commit."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from contextlib import suppress

import msgspec
import structlog

from orvanta_platform import clock
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT, Database
from orvanta_platform.db.steps import StepWrite, write_steps
from orvanta_platform.db.sticky_connection import StickyConnection

MAX_STEPS = 200
MAX_BYTES = 1 << 20

log = structlog.get_logger(__name__)


class _Item(msgspec.Struct, frozen=True):
    write: StepWrite
    done: asyncio.Future[bool]


class Committer:
    """Writes steps for all slots of a process. A single step does not wait; batches form under load."""

    def __init__(self, database: Database) -> None:
        self._connection = StickyConnection(database)
        self._measured = database.measurements.steps
        self._items: deque[_Item] = deque()
        self._filled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the writer task."""
        self._task = asyncio.create_task(self._run(), name="committer")

    async def close(self) -> None:
        """Stop the writer; steps that were not written raise CancelledError."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._connection.close()
        for item in self._items:
            item.done.cancel()

    async def submit(self, write: StepWrite) -> bool:
        """Return True once the step is written, False if it is stale or its run is locked elsewhere.

        In the latter case nothing changed and the caller takes the slow path. Raises the error of a step that fails
        on its own, such as DatabaseError.
        """
        item = _Item(write, asyncio.get_running_loop().create_future())
        self._items.append(item)
        self._filled.set()
        return await item.done

    async def _run(self) -> None:
        while True:
            await self._filled.wait()
            batch = self._take()
            if batch:
                try:
                    await self._commit(batch)
                finally:
                    for item in batch:
                        item.done.cancel()
            else:
                self._filled.clear()

    def _take(self) -> list[_Item]:
        """Remove and return the oldest items that fit one batch, at most one of each run."""
        batch: list[_Item] = []
        later: list[_Item] = []
        runs = set()
        size = 0
        while self._items and len(batch) < MAX_STEPS and size < MAX_BYTES:
            item = self._items.popleft()
            if item.done.done():
                continue
            if item.write.run in runs:
                later.append(item)
                continue
            runs.add(item.write.run)
            size += item.write.size
            batch.append(item)
        self._items.extendleft(reversed(later))
        return batch

    async def _commit(self, batch: list[_Item]) -> None:
        try:
            written = await self._write([item.write for item in batch])
        except Exception as error:
            # Catches everything: if the committer died, all slots would wait for ever.
            if len(batch) == 1:
                _fail(batch[0], error)
                return
            middle = len(batch) // 2
            await self._commit(batch[:middle])
            await self._commit(batch[middle:])
        else:
            for position, item in enumerate(batch):
                if not item.done.done():
                    item.done.set_result(position in written)

    async def _write(self, writes: list[StepWrite]) -> set[int]:
        """Send the statement until it is answered; sending it twice has no further effect."""
        attempt = 0
        while True:
            try:
                async with self._connection as connection:
                    started = clock.monotonic()
                    written = await write_steps(connection, writes)
                    self._measured.observe(clock.monotonic() - started)
                    return written
            except _AGAIN as error:
                attempt += 1
                log.info("commit is retried", action="commit_retry", error=str(error), attempt=attempt)
                await asyncio.sleep(random.uniform(0.5, 1.0) * min(0.02 * 2**attempt, 1.0))


_AGAIN: tuple[type[Exception], ...] = (*TRANSIENT, *CONNECTION_LOST, TimeoutError)


def _fail(item: _Item, error: Exception) -> None:
    if not item.done.done():
        item.done.set_exception(error)
