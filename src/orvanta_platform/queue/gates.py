"""Concurrency limits: permits are granted, released and queued for at the end of the transaction that steps a run.

Rows of gates are the last that a step locks, and its transaction locks them once, in the order of their keys. Granting
a permit touches neither the run nor the job that receives it: it sends an event to the run's inbox.

A run lends its own permit to its nodes and sub-workflows, one at a time: otherwise they would wait for the permit,
and the run for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from uuid import UUID

from orvanta_platform.db import gates
from orvanta_platform.db.gates import Entry, GateRow, GateState, Loan, QueueEntry
from orvanta_platform.db.pool import Connection
from orvanta_platform.engine.gates import Admission, GateQueue, admit, free_permits


async def settle(
    connection: Connection,
    entering: Sequence[Entry] = (),
    leaving: Collection[UUID] = (),
    ended: Collection[UUID] = (),
    due: Collection[bytes] = (),
) -> list[UUID]:
    """Release permits and queue entries, add new entries, and grant the permits that are free.

    `leaving` holds nodes that release theirs, `ended` runs with all their entries, `due` gates to check. Returns the
    runs that have received a permit: they are advanced after the commit. No row of a run may be locked after this.
    """
    known = await gates.list_keys(connection, leaving, ended) if leaving or ended else []
    if not (entering or known or due):
        return []
    locked = await gates.lock(connection, entering, {*known, *due})
    left = await gates.delete_entries(connection, leaving, ended) if known else []
    free = Counter(each.key for each in left if each.lender is None)
    if entering:
        await gates.insert_entries(connection, entering)
    places = {row.key: free_permits(_line(row, free[row.key]), row.now) + 1 for row in locked}
    waiting: dict[bytes, list[QueueEntry]] = {row.key: [] for row in locked}
    for each in await gates.list_queue_heads(connection, places):
        waiting[each.key].append(each)
    runs = {each.job: each.run for line in waiting.values() for each in line}
    given: list[UUID] = []
    states = []
    for row in locked:
        admitted = admit(_line(row, free[row.key], waiting[row.key]), row.now)
        given += admitted.jobs
        states.append(_state(row, free[row.key], admitted))
    if given:
        await gates.grant(connection, given, [None] * len(given))
    await gates.save(connection, states)
    returned = {each.lender for each in left if each.lender is not None}
    lent = await _lend(connection, [each for each in entering if each.inside and each.job not in given], returned)
    return list(dict.fromkeys([*(runs[job] for job in given), *lent]))


async def _lend(connection: Connection, entering: Sequence[Entry], returned: Collection[UUID]) -> list[UUID]:
    """Lend permits of runs to queued entries inside them; return the runs that have received one."""
    candidates = await gates.find_borrowers(connection, returned) if returned else []
    candidates += await gates.find_lenders(connection, entering) if entering else []
    loans: dict[UUID, Loan] = {}
    for loan in candidates:
        if loan.job not in loans and not any(each.lender == loan.lender for each in loans.values()):
            loans[loan.job] = loan
    if loans:
        await gates.grant(connection, loans, [each.lender for each in loans.values()])
    return [each.run for each in loans.values()]


def _line(row: GateRow, freed: int, waiting: Sequence[QueueEntry] = ()) -> GateQueue:
    front = [each.job for each in waiting if not each.eldest]
    oldest = next((each.job for each in waiting if each.eldest), None)
    return GateQueue(row.places, row.window_s, row.in_use - freed, row.starts, row.given, front, oldest)


def _state(row: GateRow, freed: int, admitted: Admission) -> GateState:
    count = len(admitted.jobs)
    return GateState(row.key, row.in_use - freed + count, row.given + count, admitted.starts, admitted.next_at)
