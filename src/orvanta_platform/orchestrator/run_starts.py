"""Starts of runs, in batches of those that arrived during the last commit."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT, Database
from orvanta_platform.db.starts import NewStart, start_runs
from orvanta_platform.orchestrator.group_commit import GroupCommit

_CONCURRENT = 4
"""Number of batches at the same time: a connection that does not answer delays no runs but those of its batch."""


class RunStarts(GroupCommit[NewStart, bool]):
    """Inserts the runs that concurrent calls of a process start.

    `submit` returns False if the outcome is unknown, and the caller must insert the run again: a run that was inserted
    may have ended, so that a repeated statement would insert it a second time.
    """

    def __init__(self, database: Database) -> None:
        super().__init__("starts of runs", concurrent=_CONCURRENT)
        self._database = database

    def _key(self, write: NewStart) -> UUID:
        return write.run.id

    def _size(self, write: NewStart) -> int:
        return write.step.size + (len(write.document[1]) if write.document else 0)

    async def _write(self, writes: Sequence[NewStart]) -> Sequence[bool]:
        try:
            async with self._database.acquire() as connection:
                await start_runs(connection, writes)
        except (*TRANSIENT, *CONNECTION_LOST):
            return [False] * len(writes)
        return [True] * len(writes)
