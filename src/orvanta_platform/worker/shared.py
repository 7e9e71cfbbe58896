"""The folders that jobs of one run share: made by the first of them, gone when the run has ended."""

from __future__ import annotations

import asyncio
from uuid import UUID

from orvanta_platform import clock
from orvanta_platform.db import runs
from orvanta_platform.db.jobs import Claimed
from orvanta_platform.db.pool import Database
from orvanta_platform.queue.claim import is_pinned
from orvanta_platform.worker.packages.outputs import remove
from orvanta_platform.worker.runtimes.pool import Runtimes

LOOK_S = 10.0
"""How often a worker looks whether runs that it keeps a folder for have ended."""


class SharedFolders:
    """Those of one worker."""

    def __init__(self, database: Database, runtimes: Runtimes) -> None:
        self._database = database
        self._runtimes = runtimes
        self._kept: set[UUID] = set()
        self._looked_at = float("-inf")

    def of(self, job: Claimed) -> str | None:
        """What JobSpec.output takes, for a job of a run that is bound to this worker; None for any other."""
        if not is_pinned(job.queue):
            return None
        self._kept.add(job.run.root)
        return self._runtimes.share_output(_name(job.run.root))

    async def look(self) -> None:
        """Take away the folders of runs that have ended, every LOOK_S."""
        if not self._kept or clock.monotonic() - self._looked_at < LOOK_S:
            return
        self._looked_at = clock.monotonic()
        async with self._database.acquire() as connection:
            living = await runs.filter_live_runs(connection, list(self._kept))
        await self._remove(self._kept - living)

    async def close(self) -> None:
        """Take all of them away: whatever is bound to this worker is lost with it."""
        await self._remove(set(self._kept))

    async def _remove(self, roots: set[UUID]) -> None:
        self._kept -= roots
        for root in roots:
            await asyncio.to_thread(remove, self._runtimes.staging / _name(root))


def _name(root: UUID) -> str:
    return f"shared-{root.hex}"
