"""Slots that a worker lends to a server, and the jobs that servers assign to it (`queue.lent_slots`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from uuid import UUID

import structlog

from orvanta_platform import clock
from orvanta_platform.db import jobs
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.notify import Watch
from orvanta_platform.db.pool import Connection
from orvanta_platform.orchestrator import slot_grants
from orvanta_platform.queue.claim import LOW_WATER_AGE_S, LowWaterMark, rest_s
from orvanta_platform.queue.lent_slots import Grant, LentSlots, is_server
from orvanta_platform.services.platform import Platform
from orvanta_platform.worker.claiming import CANNOT_CLAIM
from orvanta_platform.worker.lease import Lease

POLL_S = 1.0
"""Interval, in seconds, at which a worker that lends slots polls for jobs whose notification was lost."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots of a worker as its loans see them."""

    free: Callable[[], int]
    """Returns the number of free slots."""

    nothing_waits: Callable[[], bool]
    """Returns whether no job waits that the worker could claim."""

    may_claim: Callable[[], bool]
    """Returns whether the worker may claim jobs: it is not drained or excluded, and its heartbeats are recorded."""

    known: Callable[[], Collection[UUID]]
    """Returns the jobs of the worker."""

    start: Callable[[ClaimedJob, bool], bool]
    """Starts a job, which ends as cancelled if the second argument is true; returns False if no slot may run it."""


class Lending:
    """The loan of one worker. `take` and `poll` are called with the lock of the worker's claims held."""

    def __init__(self, platform: Platform, lease: Lease, slots: Slots) -> None:
        self.queues: Collection[str] | None = None
        """Queues that the worker serves; None: all."""
        self._platform = platform
        self._lease = lease
        self._slots = slots
        self._lent = LentSlots(lease.worker, lease.generation)
        self._asking: str | None = None
        self._watch: Watch | None = None
        self._mark = LowWaterMark()
        self._start_s = 0.0
        """Duration of the last read from the start of the index, past dead rows that a snapshot retains."""

    @property
    def outstanding(self) -> int:
        """Number of lent slots for which no job has arrived."""
        return self._lent.outstanding

    def ask(self, server: str) -> None:
        """Record that a server announced a job that it could have assigned."""
        if is_server(server):
            self._asking = server
            self._lent.record_request()

    def settle(self, *, job_ended: bool = False) -> None:
        """Lend more slots if nothing waits; withdraw the loan if no slot is free.

        A further grant is sent with the end of a job; `job_ended`: that was sent already.
        """
        free, server = self._slots.free(), self._lent.server or self._asking
        if free == 0 and self._lent.outstanding:
            self.withdraw()
        elif free and server is not None and self._may_lend():
            at_once = self._lent.server is None or (job_ended and not self._lent.outstanding)
            begins = not self._lent.may_receive
            grant = self._lent.grant(server, free, self._lease.record.beats, self.queues)
            if grant is not None:
                if begins:
                    self._begin()
                self._send(server, grant, at_once=at_once)

    def _begin(self) -> None:
        """Poll every POLL_S from now on. If the process does not, the supervisor requeues what is assigned."""
        self._lease.record.polled_at = clock.monotonic()
        if self._watch is not None:
            self._watch.set()

    def _may_lend(self) -> bool:
        return self._lease.record.beats > 0 and self._slots.may_claim() and self._slots.nothing_waits()

    def withdraw(self) -> None:
        """Ask the server to assign nothing more. It may do so until the loan ends."""
        self._asking = None
        if (withdrawn := self._lent.withdraw()) is not None:
            self._send(*withdrawn, at_once=True)

    def _send(self, server: str, grant: Grant, *, at_once: bool) -> None:
        message = slot_grants.write(self._platform.keys, server, grant)
        self._platform.notify.lend(server, message, at_once=at_once)

    async def serve(self, watch: Watch, claiming: asyncio.Lock) -> None:
        """Start assigned jobs until cancelled. `watch`: woken by notifications about them and by the drain.

        Jobs that arrive while the worker drains become available to others.
        """
        self._watch = watch
        while True:
            is_woken = await watch.wait(POLL_S if self._lent.may_receive else None)
            try:
                async with claiming, self._platform.db.acquire() as connection:
                    await self.poll(connection)
                if not is_woken:
                    self._platform.notify.send()  # a grant that was to be sent with the end of a job
            except CANNOT_CLAIM as error:
                log.warning("cannot read assigned jobs", action="assigned", error=str(error))
            except Exception:
                # The loop must survive: without it, assigned jobs are never started.
                log.exception("assigned jobs were not started", action="assigned")

    async def poll(self, connection: Connection) -> None:
        """Start the jobs that were assigned, and end the loan with its heartbeat."""
        began_at = clock.monotonic()
        beats = self._lease.record.beats  # before the poll: what it does not find will not arrive
        await self.take(connection, from_start=self._lent.ends_with(beats))
        self._lent.end(beats)
        self._lease.record.polled_at = began_at if self._lent.may_receive else 0.0
        if not self._lent.may_receive:
            self._asking = None
        elif not self._slots.may_claim():
            self.withdraw()
        else:
            self.settle()

    async def take(self, connection: Connection, *, from_start: bool = False) -> None:
        """Start the assigned jobs; those that cannot start here become available to other workers."""
        worker, generation = self._lease.worker, self._lease.generation
        now = clock.monotonic()
        low = 0 if from_start else self._mark.mark(now, max(LOW_WATER_AGE_S, rest_s(self._start_s)))
        found = await jobs.list_assigned(connection, worker, generation, low, [*self._slots.known()])
        if low == 0:
            self._start_s = clock.monotonic() - now
        if not found:
            return
        self._lent.record(len(found))
        self._platform.tools.recent.put_inputs(job for job, _ in found)
        late = []
        for job, is_cancelled in found:
            assert job.seq is not None
            self._mark.note(now, job.seq)
            if not (self._slots.may_claim() and self._slots.start(job, is_cancelled)):
                late.append(job.id)
        if late:
            self._platform.notify.queue(*await jobs.give_back(connection, late, worker, generation))
