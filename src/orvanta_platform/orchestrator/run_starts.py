"""Starts of runs, in batches of those that arrived during the last commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID, uuid4

from msgspec.structs import replace

from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.db.notify import Listener, Notifier
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT, Database
from orvanta_platform.db.starts import NewStart, start_runs
from orvanta_platform.db.steps import NewJob
from orvanta_platform.orchestrator import slot_grants
from orvanta_platform.orchestrator.blueprints import NATIVE_QUEUE, WEBHOOK_QUEUE
from orvanta_platform.orchestrator.group_commit import GroupCommit
from orvanta_platform.queue.claim import is_pinned
from orvanta_platform.queue.lent_slots import LOAN_BEATS, BorrowedSlots

_CONCURRENT = 4
"""Number of batches at the same time: a connection that does not answer delays no runs but those of its batch."""

Outcome = Literal["unknown", "enqueued", "assigned"]
"""Outcome of a start.

- enqueued: its jobs wait to be claimed, and are to be announced
- assigned: its job runs under a worker that lent a slot, and was announced
- unknown: the caller must insert the run again; one that was inserted may have ended, and would then be inserted twice
  by a repeated statement
"""


class RunStarts(GroupCommit[NewStart, Outcome]):
    """Inserts the runs that concurrent calls of a process start.

    The only job of a run is assigned to a worker that has lent a slot to this process, if there is one.
    """

    def __init__(self, database: Database, notify: Notifier, keys: InstanceKeys, *, beat_s: float) -> None:
        super().__init__("starts of runs", concurrent=_CONCURRENT)
        self._database = database
        self._notify = notify
        self._keys = keys
        self._slots = BorrowedSlots(LOAN_BEATS * beat_s)
        self._assigning: set[UUID] = set()
        """Workers to which a batch assigns jobs now. No other batch does: their heartbeats must not wait for one batch
        after another.
        """
        self.borrower: str | None = None
        """Name of this process for workers that lend slots to it; None: it does not borrow any."""

    def borrow(self, listen: Listener) -> None:
        """Assign jobs to workers that lend slots to this process."""
        self.borrower = uuid4().hex
        listen.receive(f"lent:{self.borrower}", self._receive)

    def announce(self, jobs: Sequence[NewJob]) -> None:
        """Announce the enqueued jobs of a start, and ask workers for slots if they could have been assigned."""
        borrower = self.borrower if _is_assignable(jobs) else None
        self._notify.queue(*{job.queue for job in jobs}, borrower=borrower)

    def _receive(self, message: str) -> None:
        """Record the grant in a message."""
        assert self.borrower is not None
        grant = slot_grants.read(self._keys, self.borrower, message)
        if grant is not None:
            self._slots.receive(grant)

    def _key(self, write: NewStart) -> UUID:
        return write.run.id

    def _size(self, write: NewStart) -> int:
        return write.step.size + (len(write.document[1]) if write.document else 0)

    async def _write(self, writes: Sequence[NewStart]) -> Sequence[Outcome]:
        busy = self._assigning.copy()
        if len(writes) == 1:
            # Of runs that arrive faster than they are committed, a worker claims several at once.
            writes = [self._assign(write, busy) for write in writes]
        lenders = {write.lender.worker for write in writes if write.lender is not None}
        self._assigning |= lenders
        try:
            async with self._database.acquire() as connection:
                assigned = await start_runs(connection, writes)
        except (*TRANSIENT, *CONNECTION_LOST):
            return ["unknown"] * len(writes)
        except Exception:
            self._account_for(writes, set())
            raise
        finally:
            self._assigning -= lenders
        self._account_for(writes, assigned)
        return ["assigned" if write.run.id in assigned else "enqueued" for write in writes]

    def _assign(self, write: NewStart, busy: set[UUID]) -> NewStart:
        """Return the start with the lender of a slot for its job, if it can be assigned and there is such a slot."""
        if not _is_assignable(write.step.jobs):
            return write
        return replace(write, lender=self._slots.take(write.step.jobs[0].queue, busy))

    def _account_for(self, writes: Sequence[NewStart], assigned: set[UUID]) -> None:
        """Wake the workers to which jobs were assigned; put the slots of the other starts back."""
        for write in writes:
            if write.lender is None:
                continue
            if write.run.id in assigned:
                self._notify.send(f"assigned:{write.lender.worker}")
            else:
                self._slots.put_back(write.lender.worker)


def _is_assignable(jobs: Sequence[NewJob]) -> bool:
    """Return whether a start has one job, and this occupies a slot of any worker of its queue."""
    if len(jobs) != 1:
        return False
    queue = jobs[0].queue
    return queue not in (NATIVE_QUEUE, WEBHOOK_QUEUE) and not is_pinned(queue)
