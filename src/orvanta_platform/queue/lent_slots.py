"""Slots that idle workers lend to servers, so that the first job of a new run starts without a claim.

A server inserts such a job as running under the worker, which then reads it without a commit. Temporal calls this an
eager start. The number of lent slots is controlled as in HTTP/2 (RFC 9113, section 5.2): a worker grants a total that
only grows, so that a lost message costs nothing but time. The totals are hints: the row of the worker decides whether a
job may be assigned, and a worker gives back the jobs for which it has no slot.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import msgspec

MOST = 16
"""Maximum number of slots that one worker lends."""

MOST_LOANS = 256
"""Number of loans from which a server forgets those of which no slot is left."""


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """Message of a worker to a server: it may assign `total` jobs to the worker since this loan began."""

    worker: UUID
    generation: int
    loan: int
    """Number of the loan: a worker that ends a loan takes all slots back, and begins another one later."""
    total: int
    queues: tuple[str, ...] | None
    """Queues that the worker serves; None: all."""

    def serves(self, queue: str) -> bool:
        """Return whether the worker runs jobs of the queue."""
        return self.queues is None or queue in self.queues


class Lender(msgspec.Struct, frozen=True):
    """A worker that runs one assigned job, under this generation."""

    worker: UUID
    generation: int


@dataclass(slots=True)
class _Loan:
    grant: Grant
    used: int = 0

    @property
    def left(self) -> int:
        return self.grant.total - self.used


class BorrowedSlots:
    """Slots that a server may use, by worker."""

    def __init__(self) -> None:
        self._loans: dict[UUID, _Loan] = {}

    def receive(self, message: str) -> None:
        """Record the grant of a message. A message of another form or of an earlier loan is ignored."""
        try:
            grant = msgspec.json.decode(message, type=Grant)
        except msgspec.DecodeError:
            return
        loan = self._loans.get(grant.worker)
        if loan is None or grant.loan > loan.grant.loan:
            self._loans[grant.worker] = _Loan(grant)
            if len(self._loans) > MOST_LOANS:
                self._loans = {worker: each for worker, each in self._loans.items() if each.left > 0}
        elif grant.loan == loan.grant.loan and grant.total > loan.grant.total:
            loan.grant = grant

    def take(self, queue: str) -> Lender | None:
        """Use a slot of a worker that serves the queue; the worker that has lent most slots comes first."""
        serving = [each for each in self._loans.values() if each.left > 0 and each.grant.serves(queue)]
        if not serving:
            return None
        loan = max(serving, key=lambda each: each.left)
        loan.used += 1
        return Lender(loan.grant.worker, loan.grant.generation)

    def put_back(self, worker: UUID) -> None:
        """Put a slot back that was not used."""
        if (loan := self._loans.get(worker)) is not None:
            loan.used -= 1

    def drop(self, worker: UUID) -> None:
        """Use no more slots of this loan of the worker, which has ended it."""
        if (loan := self._loans.get(worker)) is not None:
            loan.used = loan.grant.total


class LentSlots:
    """Slots that a worker has lent, by server."""

    def __init__(self, worker: UUID, generation: int) -> None:
        self._worker = worker
        self._generation = generation
        self._loan = 0
        self._granted: dict[str, int] = {}
        self._received = 0
        self.lending = False
        """True while the row of the worker says that it lends."""

    @property
    def outstanding(self) -> int:
        """Number of lent slots for which no job has arrived."""
        return max(sum(self._granted.values()) - self._received, 0) if self.lending else 0

    def begin(self) -> None:
        """Begin a loan."""
        self._loan += 1
        self._granted, self._received = {}, 0
        self.lending = True

    def end(self) -> None:
        """Take all slots back."""
        self.lending = False

    def record(self, jobs: int) -> None:
        """Record assigned jobs that have arrived."""
        self._received += jobs

    def grant(self, server: str, free: int, queues: Collection[str] | None) -> str | None:
        """Lend `free` slots in total and return the message to the server; None: that many are lent already."""
        more = min(free, MOST) - self.outstanding
        if more <= 0:
            return None
        total = self._granted[server] = self._granted.get(server, 0) + more
        named = None if queues is None else tuple(queues)
        grant = Grant(self._worker, self._generation, self._loan, total, named)
        return msgspec.json.encode(grant).decode()
