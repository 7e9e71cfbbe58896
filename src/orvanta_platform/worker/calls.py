"""Jobs that wait for somebody else's answer: many at a time, beside the slots, each by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from orvanta_platform.db.jobs import Claimed
from orvanta_platform.queue.claim import Claimer
from orvanta_platform.services.platform import Platform
from orvanta_platform.worker.claiming import CANNOT_CLAIM
from orvanta_platform.worker.lease import Lease

MOST = 200
"""Calls that a worker has under way."""

log = structlog.get_logger(__name__)

Run = Callable[[Claimed], Awaitable[None]]
"""Runs one job by itself, to the end of it and of what it is handed on to."""


class Calls:
    """Serves the queue of webhook jobs. A slow answer holds up nobody: neither a slot nor another call."""

    def __init__(
        self, platform: Platform, lease: Lease, claimer: Claimer, alone: Run, doubtful: Callable[[], None]
    ) -> None:
        """`alone` runs one job by itself; `doubtful` is called when a claim got no answer and may have taken jobs."""
        self._platform = platform
        self._lease = lease
        self._claimer = claimer
        self._alone = alone
        self._doubtful = doubtful
        self._under_way: dict[UUID, tuple[UUID, asyncio.Task[None]]] = {}

    @property
    def held(self) -> dict[UUID, UUID]:
        """The jobs that are under way, each with its run."""
        return {job: run for job, (run, _) in self._under_way.items()}

    async def serve(self, wait: Callable[[], Awaitable[object]], draining: asyncio.Event) -> None:
        """Work until drained; `wait` returns when there may be something to claim."""
        while not draining.is_set():
            free = MOST - len(self._under_way)
            if free and self._lease.may_claim and await self._claim(free):
                continue
            if free:
                await wait()
            else:
                await asyncio.wait(self._tasks(), return_when=asyncio.FIRST_COMPLETED)
        while self._under_way:
            await asyncio.wait(self._tasks())

    def _tasks(self) -> set[asyncio.Task[None]]:
        return {task for _, task in self._under_way.values()}

    async def _claim(self, free: int) -> bool:
        """Start what there is to do; True where there may be more."""
        try:
            async with self._platform.db.acquire() as connection:
                found = await self._claimer.claim(connection, free)
        except CANNOT_CLAIM as error:
            log.warning("cannot claim", action="claim", error=str(error))
            self._doubtful()
            return False
        for job in found:
            task = asyncio.create_task(self._run(job), name="call")
            self._under_way[job.id] = job.run.id, task
        return bool(found)

    async def _run(self, job: Claimed) -> None:
        try:
            await self._alone(job)
        finally:
            del self._under_way[job.id]
