"""Folders shared by the jobs of one run: made for the first job, removed after the run has ended."""

from __future__ import annotations

import asyncio
from uuid import UUID

from orvanta_platform import clock
from orvanta_platform.db import runs
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.pool import Database
from orvanta_platform.errors import OrvantaError
from orvanta_platform.queue.claim import is_pinned
from orvanta_platform.worker.outputs import remove
from orvanta_platform.worker.runtimes.pool import Runtimes

CHECK_S = 10.0
"""Interval, in seconds, at which a worker checks whether runs with a shared folder have ended."""


class SharedFolderUnavailable(OrvantaError):
    """The folder that the jobs of a run share cannot be created; the message has the reason."""

    code = "shared_folder_unavailable"


class SharedFolders:
    """The shared folders of one worker."""

    def __init__(self, database: Database, runtimes: Runtimes) -> None:
        self._database = database
        self._runtimes = runtimes
        self._roots: set[UUID] = set()
        self._checked_at = float("-inf")

    def of(self, job: ClaimedJob) -> str | None:
        """Return the folder for JobSpec.output if the job's run is bound to this worker, otherwise None.

        Raises SharedFolderUnavailable.
        """
        if not is_pinned(job.queue):
            return None
        self._roots.add(job.run.root)
        try:
            return self._runtimes.share_output(_name(job.run.root))
        except OSError as error:  # for example, the disk is full
            raise SharedFolderUnavailable(f"The shared folder cannot be created: {error.strerror}.") from error

    @property
    def is_empty(self) -> bool:
        """True if there are no folders."""
        return not self._roots

    async def remove_finished(self) -> None:
        """Remove the folders of runs that have ended, at most every CHECK_S."""
        if not self._roots or clock.monotonic() - self._checked_at < CHECK_S:
            return
        self._checked_at = clock.monotonic()
        async with self._database.acquire() as connection:
            live = await runs.filter_live_runs(connection, list(self._roots))
        await self._remove(self._roots - live)

    async def close(self) -> None:
        """Remove all folders: runs bound to this worker are lost with it."""
        await self._remove(set(self._roots))

    async def _remove(self, roots: set[UUID]) -> None:
        self._roots -= roots
        for root in roots:
            await asyncio.to_thread(remove, self._runtimes.staging / _name(root))


def _name(root: UUID) -> str:
    return f"shared-{root.hex}"
