"""The committer: writes steps through one connection, in batches of those that arrived during the last commit."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from uuid import UUID

import structlog

from orvanta_platform import clock
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT, Database
from orvanta_platform.db.steps import StepWrite, write_steps
from orvanta_platform.db.sticky_connection import StickyConnection
from orvanta_platform.orchestrator.group_commit import GroupCommit

log = structlog.get_logger(__name__)


class Committer(GroupCommit[StepWrite, bool]):
    """Writes steps for all slots of a process, at most one of each run in a batch."""

    def __init__(self, database: Database) -> None:
        super().__init__("committer")
        self._connection = StickyConnection(database)
        self._measured = database.measurements.steps

    async def close(self) -> None:
        """Stop the writer; steps that were not written raise CancelledError."""
        await super().close()
        await self._connection.close()

    async def submit(self, write: StepWrite) -> bool:
        """Return True once the step is written, False if it is stale or its run is locked elsewhere.

        In the latter case nothing changed and the caller takes the slow path. Raises the error of a step that fails
        on its own, such as DatabaseError.
        """
        return await super().submit(write)

    def _key(self, write: StepWrite) -> UUID:
        return write.run

    def _size(self, write: StepWrite) -> int:
        return write.size

    async def _write(self, writes: Sequence[StepWrite]) -> Sequence[bool]:
        """Send the statement until it is answered; sending it twice has no further effect."""
        attempt = 0
        while True:
            try:
                async with self._connection as connection:
                    started = clock.monotonic()
                    written = await write_steps(connection, writes)
                    self._measured.observe(clock.monotonic() - started)
                    return [position in written for position in range(len(writes))]
            except _AGAIN as error:
                attempt += 1
                log.info("commit is retried", action="commit_retry", error=str(error), attempt=attempt)
                await asyncio.sleep(random.uniform(0.5, 1.0) * min(0.02 * 2**attempt, 1.0))


_AGAIN: tuple[type[Exception], ...] = (*TRANSIENT, *CONNECTION_LOST, TimeoutError)
