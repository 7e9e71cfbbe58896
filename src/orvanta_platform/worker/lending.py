"""Slots that a worker lends to servers, and the jobs that servers assign to it (`queue.lent_slots`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from uuid import UUID

import structlog

from orvanta_platform import clock
from orvanta_platform.db import jobs, workers
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.notify import Watch
from orvanta_platform.db.pool import Connection
from orvanta_platform.orchestrator.blueprints import NATIVE_QUEUE, WEBHOOK_QUEUE
from orvanta_platform.queue.lent_slots import LentSlots
from orvanta_platform.services.platform import Platform
from orvanta_platform.worker.claiming import CANNOT_CLAIM, MAX_WAIT_S
from orvanta_platform.worker.lease import Lease

LOOK_S = 1.0
"""Interval, in seconds, at which a worker that lends slots looks for jobs whose notification was lost."""

LOAN_S = 10.0
"""Time, in seconds, after which a worker ends a loan under which no job has arrived."""

CLAIMED_ONLY = (NATIVE_QUEUE, WEBHOOK_QUEUE)
"""Queues whose jobs occupy no slot: these are not assigned."""

log = structlog.get_logger(__name__)


class Lending:
    """The loan of one worker. All calls but `serve` hold the lock of the worker's claims."""

    def __init__(
        self,
        platform: Platform,
        lease: Lease,
        free: Callable[[], int],
        known: Callable[[], Collection[UUID]],
        start: Callable[[ClaimedJob], bool],
    ) -> None:
        """`free`: number of free slots; `known`: jobs of this worker; `start` returns False for a job it cannot run."""
        self._platform = platform
        self._lease = lease
        self._free = free
        self._known = known
        self._start = start
        self._slots = LentSlots(lease.worker, lease.generation)
        self._borrower = ""
        self._queues: Collection[str] | None = None
        self._used_at = 0.0

    @property
    def is_active(self) -> bool:
        """True while servers may assign jobs."""
        return self._slots.lending

    @property
    def outstanding(self) -> int:
        """Number of lent slots for which no job has arrived."""
        return self._slots.outstanding

    async def lend(self, connection: Connection, borrower: str, queues: Collection[str] | None) -> None:
        """Lend a server the free slots; `queues`: those that the worker serves (None: all)."""
        if not self._lease.may_claim:
            return
        self._borrower, self._queues = borrower, queues
        if not self._slots.lending:
            self._slots.begin()  # first, as the answer may be lost
            self._used_at = clock.monotonic()
            if not await workers.set_lending(connection, self._lease.worker, self._lease.generation, lends=True):
                self._slots.end()
        self._grant()

    def _grant(self) -> None:
        """Tell the server that it may use more slots, if less than half of the free ones are lent."""
        free = self._free()
        if not self._slots.lending or 2 * self.outstanding >= free:
            return
        grant = self._slots.grant(self._borrower, free, self._queues)
        if grant is not None:
            self._platform.notify.lend(self._borrower, grant)

    async def end(self, connection: Connection) -> None:
        """End the loan, and start the jobs that were assigned before."""
        if not self._slots.lending:
            return
        await workers.set_lending(connection, self._lease.worker, self._lease.generation, lends=False)
        await self._take(connection)
        self._slots.end()

    async def serve(self, watch: Watch, claiming: asyncio.Lock, draining: asyncio.Event) -> None:
        """Start assigned jobs until cancelled. `watch`: woken by notifications about them and by the drain.

        A worker that is draining ends its loan at once, or when the database is available again. Jobs that are assigned
        until then start elsewhere, when the process ends at the latest.
        """
        while True:
            is_woken = await watch.wait(LOOK_S if self._slots.lending else MAX_WAIT_S)
            if not is_woken and not self._slots.lending:
                continue
            try:
                async with claiming, self._platform.db.acquire() as connection:
                    await self._take(connection)
                    self._grant()
                    if draining.is_set() or not self._lease.may_claim or clock.monotonic() - self._used_at > LOAN_S:
                        await self.end(connection)
            except CANNOT_CLAIM as error:
                log.warning("cannot read assigned jobs", action="assigned", error=str(error))

    async def _take(self, connection: Connection) -> None:
        """Start the assigned jobs; those that cannot start here become available to other workers."""
        worker, generation = self._lease.worker, self._lease.generation
        found = await jobs.list_assigned(connection, worker, generation, [*self._known()], CLAIMED_ONLY)
        if not found:
            return
        self._slots.record(len(found))
        self._used_at = clock.monotonic()
        self._platform.tools.recent.put_inputs(found)
        late = [job.id for job in found if not self._start(job)]
        if late:
            self._platform.notify.queue(*await jobs.give_back(connection, late, worker, generation))
