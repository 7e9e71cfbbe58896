"""Slots that idle workers lend to servers, so that the first job of a new run starts without a claim.

A server inserts such a job as running under the worker, which then reads it without a commit. Temporal calls this an
eager start. The rules are here, without a database:

- A worker lends to one server at a time, and grants a total that only grows, as in the flow control of HTTP/2 (RFC
  9113, section 5.2). A message that is lost costs time, and one that is repeated lends nothing.
- A loan lasts until a heartbeat. The statement that starts runs compares the number of the grant with that of the row
  of the worker: from the next heartbeat on, nothing can arrive, and the worker may lend again.
- Lent slots are not reserved: the worker claims with all free slots, and gives an assigned job back if none is left.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import msgspec

from orvanta_platform import clock
from orvanta_platform.db.starts import Lender

MOST = 16
"""Maximum number of slots that one worker lends."""

LOAN_BEATS = 4
"""Number of heartbeats for which slots are lent."""

MOST_LOANS = 256
"""Number of loans from which a server forgets those of which no slot is left."""

REQUESTS = (2, 32)
"""Number of requests for slots after an unused loan until a worker lends again. It doubles up to the second value.

A loan costs the worker a read each second, a request that is not met one claim. As requests are counted, rather than
time, a series of calls after a pause is served from its second or third call on.
"""

_SERVER = re.compile(r"[0-9a-f]{32}")


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """Message of a worker to a server: it may assign `total` jobs to the worker since this loan began."""

    worker: UUID
    generation: int
    loan: int
    """Number of the loan. A worker that withdraws a loan sends a grant of the next number without slots."""
    total: int
    until_beat: int
    """Number of the last heartbeat during which jobs may be assigned."""
    queues: tuple[str, ...] | None
    """Queues that the worker serves; None: all."""

    def serves(self, queue: str) -> bool:
        """Return whether the worker runs jobs of the queue."""
        return self.queues is None or queue in self.queues


def is_server(name: str) -> bool:
    """Return whether this may be the name of a server that borrows slots."""
    return _SERVER.fullmatch(name) is not None


@dataclass(slots=True)
class _Loan:
    grant: Grant
    expires: float
    used: int = 0

    @property
    def left(self) -> int:
        return self.grant.total - self.used


class BorrowedSlots:
    """Slots that a server may use, by worker."""

    def __init__(self, loan_s: float) -> None:
        """`loan_s`: time after a grant during which its slots are used. The database refuses them later anyway."""
        self._loan_s = loan_s
        self._loans: dict[UUID, _Loan] = {}

    def receive(self, grant: Grant) -> None:
        """Record a grant. One of an earlier loan, or that grants nothing new, is ignored."""
        now = clock.monotonic()
        loan = self._loans.get(grant.worker)
        if loan is None or grant.loan > loan.grant.loan:
            self._loans[grant.worker] = _Loan(grant, now + self._loan_s)
            if len(self._loans) > MOST_LOANS:
                self._loans = {id: each for id, each in self._loans.items() if each.left > 0 and each.expires > now}
        elif grant.loan == loan.grant.loan and grant.total > loan.grant.total:
            loan.grant, loan.expires = grant, now + self._loan_s

    def take(self, queue: str, but: Collection[UUID] = ()) -> Lender | None:
        """Use a slot of a worker that serves the queue, except `but`; the one that has lent most slots comes first."""
        if not self._loans:
            return None
        now = clock.monotonic()
        usable = [each for each in self._loans.values() if each.left > 0 and each.expires > now]
        serving = (each for each in usable if each.grant.serves(queue) and each.grant.worker not in but)
        loan = max(serving, key=lambda each: each.left, default=None)
        if loan is None:
            return None
        loan.used += 1
        return Lender(loan.grant.worker, loan.grant.generation, loan.grant.until_beat)

    def put_back(self, worker: UUID) -> None:
        """Put a slot back for which no job was assigned."""
        if (loan := self._loans.get(worker)) is not None and loan.used > 0:
            loan.used -= 1


class LentSlots:
    """The loan of a worker."""

    def __init__(self, worker: UUID, generation: int) -> None:
        self._worker = worker
        self._generation = generation
        self._loan = 0
        self._total = 0
        self._received = 0
        self._server: str | None = None
        self._until_beat: int | None = None
        self._is_used = False
        self._requests_after_unused = REQUESTS[0]
        self._requests_awaited = 0

    @property
    def server(self) -> str | None:
        """The server that may assign jobs."""
        return self._server

    @property
    def may_receive(self) -> bool:
        """True if jobs may be assigned, or may have been assigned since the last poll."""
        return self._until_beat is not None

    @property
    def outstanding(self) -> int:
        """Number of lent slots for which no job has arrived."""
        return max(self._total - self._received, 0) if self._server is not None else 0

    def record_request(self) -> None:
        """Record that a server started a job that it could have assigned to a worker."""
        self._requests_awaited = max(self._requests_awaited - 1, 0)

    def grant(self, server: str, free: int, beat: int, queues: Collection[str] | None) -> Grant | None:
        """Lend `free` slots in total and return the message; None: enough are lent, or none may be lent now.

        `beat`: number of the last heartbeat of the worker.
        """
        if self._until_beat is None:
            if self._requests_awaited:
                return None
        elif server != self._server:
            return None
        more = min(free, MOST) - self.outstanding
        if more <= 0 or 2 * self.outstanding >= free:
            return None
        if self._server is None:
            self._loan, self._server, self._total, self._received = self._loan + 1, server, 0, 0
        self._total += more
        self._until_beat, self._is_used = beat + LOAN_BEATS, False
        named = None if queues is None else tuple(queues)
        return Grant(self._worker, self._generation, self._loan, self._total, self._until_beat, named)

    def record(self, jobs: int) -> None:
        """Record assigned jobs that have arrived."""
        self._received += jobs
        self._is_used, self._requests_after_unused = True, REQUESTS[0]

    def withdraw(self) -> tuple[str, Grant] | None:
        """Lend nothing more; return the server and the message to it. Jobs may arrive until the loan has ended."""
        if self._server is None or self._until_beat is None:
            return None
        server, self._server = self._server, None
        self._loan += 1
        return server, Grant(self._worker, self._generation, self._loan, 0, self._until_beat, ())

    def ends_with(self, beat: int) -> bool:
        """Return whether nothing can be assigned after this heartbeat."""
        return self._until_beat is not None and beat > self._until_beat

    def end(self, beat: int) -> None:
        """End the loan if it ends with this heartbeat. A poll for jobs must have begun after the heartbeat."""
        if not self.ends_with(beat):
            return
        if not self._is_used:
            self._requests_awaited = self._requests_after_unused
            self._requests_after_unused = min(2 * self._requests_after_unused, REQUESTS[1])
        self._server = self._until_beat = None
