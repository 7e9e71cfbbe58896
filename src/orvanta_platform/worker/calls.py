"""Webhook jobs: jobs that wait for another server's response, many of them concurrently and outside the slots."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.queue.claim import Claimer
from orvanta_platform.services.platform import Platform
from orvanta_platform.worker.claiming import CANNOT_CLAIM
from orvanta_platform.worker.lease import Lease

MAX_CALLS = 200
"""Maximum number of calls that a worker has in progress."""

log = structlog.get_logger(__name__)

Run = Callable[[ClaimedJob], Awaitable[None]]
"""Function that runs one job by itself, and then the jobs of its run that are handed off to this worker."""


class Calls:
    """Server of the queue of webhook jobs. A slow response delays neither a slot nor another call."""

    def __init__(
        self,
        platform: Platform,
        lease: Lease,
        claimer: Claimer | None,
        run_unslotted: Run,
        on_lost_claim: Callable[[], None],
    ) -> None:
        """Create the server.

        `run_unslotted` runs one job by itself. `on_lost_claim` is called after a claim whose response was lost, as
        the claim may have taken jobs.
        """
        self._platform = platform
        self._lease = lease
        self.claimer: Claimer | None = claimer
        """None: the worker does not serve the queue."""
        self._run_unslotted = run_unslotted
        self._on_lost_claim = on_lost_claim
        self._in_progress: dict[UUID, tuple[UUID, asyncio.Task[None]]] = {}

    @property
    def held(self) -> dict[UUID, UUID]:
        """The jobs in progress, each with the id of its run."""
        return {job: run for job, (run, _) in self._in_progress.items()}

    async def serve(self, wait: Callable[[], Awaitable[object]], draining: asyncio.Event) -> None:
        """Process jobs until drained; `wait` returns when there may be something to claim."""
        while not draining.is_set():
            free = MAX_CALLS - len(self._in_progress)
            if free and self.claimer and self._lease.may_claim and await self._claim(self.claimer, free):
                continue
            if free:
                await wait()
            else:
                await asyncio.wait(self._tasks(), return_when=asyncio.FIRST_COMPLETED)
        while self._in_progress:
            await asyncio.wait(self._tasks())

    def _tasks(self) -> set[asyncio.Task[None]]:
        return {task for _, task in self._in_progress.values()}

    async def _claim(self, claimer: Claimer, free: int) -> bool:
        """Claim jobs and start them; return whether there may be more."""
        try:
            async with self._platform.db.acquire() as connection:
                found = await claimer.claim(connection, free)
        except CANNOT_CLAIM as error:
            log.warning("cannot claim", action="claim", error=str(error))
            self._on_lost_claim()
            return False
        self._platform.tools.recent.put_inputs(found)
        for job in found:
            task = asyncio.create_task(self._run(job), name="call")
            self._in_progress[job.id] = job.run.id, task
        return bool(found)

    async def _run(self, job: ClaimedJob) -> None:
        try:
            await self._run_unslotted(job)
        finally:
            del self._in_progress[job.id]
