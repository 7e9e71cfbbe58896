"""Starts of runs, in batches of those that arrived during the last commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID, uuid4

from msgspec.structs import replace

from orvanta_platform.db.notify import Listener, Notifier
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT, Database
from orvanta_platform.db.starts import NewStart, start_runs
from orvanta_platform.orchestrator.blueprints import NATIVE_QUEUE, WEBHOOK_QUEUE
from orvanta_platform.orchestrator.group_commit import GroupCommit
from orvanta_platform.queue.claim import is_pinned
from orvanta_platform.queue.lent_slots import BorrowedSlots

_CONCURRENT = 4
"""Number of batches at the same time: a connection that does not answer delays no runs but those of its batch."""

Outcome = Literal["unknown", "enqueued", "assigned"]
"""Outcome of a start.

- enqueued: its jobs wait to be claimed, and are to be announced
- assigned: its job runs under a worker that lent a slot
- unknown: the caller must insert the run again; one that was inserted may have ended, and would then be inserted twice
  by a repeated statement
"""


class RunStarts(GroupCommit[NewStart, Outcome]):
    """Inserts the runs that concurrent calls of a process start.

    The only job of a run is assigned to a worker that has lent a slot to this process, if there is one.
    """

    def __init__(self, database: Database, notify: Notifier) -> None:
        super().__init__("starts of runs", concurrent=_CONCURRENT)
        self.borrower: str | None = None
        """Name of this process for workers that lend slots to it; None: it does not borrow any."""
        self._database = database
        self._notify = notify
        self._slots = BorrowedSlots()

    def borrow(self, listen: Listener) -> None:
        """Assign jobs to workers that lend slots to this process."""
        self.borrower = uuid4().hex
        listen.receive(f"lent:{self.borrower}", self._slots.receive)

    def _key(self, write: NewStart) -> UUID:
        return write.run.id

    def _size(self, write: NewStart) -> int:
        return write.step.size + (len(write.document[1]) if write.document else 0)

    async def _write(self, writes: Sequence[NewStart]) -> Sequence[Outcome]:
        writes = [self._assign(write) for write in writes]
        try:
            async with self._database.acquire() as connection:
                assigned = await start_runs(connection, writes)
        except (*TRANSIENT, *CONNECTION_LOST):
            return ["unknown"] * len(writes)
        except Exception:
            self._put_back(writes)
            raise
        for write in writes:
            self._announce(write, assigned)
        return ["assigned" if write.run.id in assigned else "enqueued" for write in writes]

    def _assign(self, write: NewStart) -> NewStart:
        """Return the start with the worker of a lent slot for its job, if it has one job and there is such a slot."""
        if len(write.step.jobs) != 1:
            return write
        job = write.step.jobs[0]
        if job.queue in (NATIVE_QUEUE, WEBHOOK_QUEUE) or is_pinned(job.queue):
            return write
        lender = self._slots.take(job.queue)
        if lender is None:
            return write
        job = replace(job, worker=lender.worker, generation=lender.generation, nonce=uuid4())
        return replace(write, step=replace(write.step, jobs=[job]))

    def _put_back(self, writes: Sequence[NewStart]) -> None:
        for job in (job for write in writes for job in write.step.jobs):
            if job.worker is not None:
                self._slots.put_back(job.worker)

    def _announce(self, write: NewStart, assigned: set[UUID]) -> None:
        """Wake the worker to which the job was assigned; forget the slots of one that does not lend them any more."""
        for job in write.step.jobs:
            if job.worker is None:
                continue
            if write.run.id in assigned:
                self._notify.send(f"assigned:{job.worker}")
            else:
                self._slots.drop(job.worker)
