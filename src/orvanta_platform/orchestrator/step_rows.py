"""Rows of the steps of one transaction: collected from effects, merged, and written in three parts.

A kind of rows is declared, merged and written here, and filled from its effect in `effect_rows`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar
from uuid import UUID

import msgspec

from orvanta_platform.db import approvals, cache, erasures, pauses
from orvanta_platform.db import waits as wait_rows
from orvanta_platform.db.approvals import NewApproval
from orvanta_platform.db.cache import NewCached
from orvanta_platform.db.gates import Entry
from orvanta_platform.db.pauses import NewPause
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.step_debounces import WaitingEntry
from orvanta_platform.db.steps import (
    JobCompletion,
    NewEvent,
    NewJob,
    NewValue,
    NodeCompletion,
    RetryWake,
    RunEnd,
    StepWrite,
)
from orvanta_platform.db.waits import NodeTimer
from orvanta_platform.engine.plan import Plan
from orvanta_platform.orchestrator import step_debounce
from orvanta_platform.queue import gates


class StepRows(msgspec.Struct):
    """Rows of one or more steps of a run, in the order of their decisions."""

    # Written by the step statement (`statement`). A step without the run's lock has no others.
    endings: list[JobCompletion] = []
    nodes: list[NodeCompletion] = []
    jobs: list[NewJob] = []
    wakes: list[RetryWake] = []
    values: list[NewValue] = []
    events: list[NewEvent] = []
    end: RunEnd | None = None

    # Written after the statement, in its transaction (`write_waits`).
    timers: list[NodeTimer] = []
    dropped: list[tuple[UUID, str]] = []
    """Timers to delete, as (job, kind)."""
    opened: list[NewApproval] = []
    """Nodes that start to wait for decisions."""
    closed: list[UUID] = []
    """Nodes that stop waiting for decisions."""
    counted: list[tuple[UUID, int]] = []
    """Decisions, as (job, resume id), that the steps count."""
    paused: list[NewPause] = []
    """Nodes that pause at a breakpoint."""
    resumed: list[UUID] = []
    """Nodes that are resumed."""

    # Written at the end of the transaction (`write_last`): these rows are locked after all others.
    gate_entries: list[Entry] = []
    """Nodes, or the run itself, that queue for a permit."""
    gate_exits: list[UUID] = []
    """Nodes that no longer need a permit."""
    cached: list[NewCached] = []
    """Results to cache."""
    debounce_entries: list[WaitingEntry] = []
    """Nodes that start to be debounced."""
    debounce_exits: list[UUID] = []
    """Nodes that are no longer debounced."""

    @property
    def needs_transaction(self) -> bool:
        """True if there are rows that the step statement does not write."""
        return any(getattr(self, name) for name in _OUTSIDE_STATEMENT)

    @property
    def only_closes_approvals(self) -> bool:
        """True if all rows that the step statement does not write are approvals that close, and their deadlines."""
        others = [name for name in _OUTSIDE_STATEMENT if name not in ("closed", "dropped")]
        deadlines = {(job, "deadline") for job in self.closed}
        return not any(getattr(self, name) for name in others) and deadlines.issuperset(self.dropped)

    @property
    def sets_timers(self) -> bool:
        """True if timers have been set."""
        return bool(self.timers or self.debounce_entries) or any(ending.fate == "scheduled" for ending in self.endings)

    def merge(self, later: StepRows) -> None:
        """Append the rows of later steps. Rows that these undo are dropped without having been written."""
        if later.dropped:
            dropped = set(later.dropped)
            self.timers = [timer for timer in self.timers if (timer.job, timer.kind) not in dropped]
        if later.closed:
            self.opened = _without(self.opened, later.closed)
        if later.resumed:
            self.paused = _without(self.paused, later.resumed)
        if later.gate_exits:
            self.gate_entries = _without(self.gate_entries, later.gate_exits)
        if later.debounce_exits:
            self.debounce_entries = _without(self.debounce_entries, later.debounce_exits)
        for name in _LISTS:
            if added := getattr(later, name):
                getattr(self, name).extend(added)
        self.end = later.end or self.end

    def statement(
        self, run: RunRow, state: bytes, status: str, *, over_cancel: bool, inbox_seq: int | None = None
    ) -> StepWrite:
        """Return the write of these rows by the step statement; `state` and `status` are the run's new ones."""
        values = self.values
        if len(values) > 1:
            # Two nodes may export the same name: the later one wins.
            values = list({(value.id, value.kind, value.name): value for value in values}.values())
        return StepWrite(
            run=run.id,
            rev=run.rev,
            state=state,
            status=status,
            endings=self.endings,
            nodes=self.nodes,
            jobs=self.jobs,
            wakes=self.wakes,
            values=values,
            events=self.events,
            end=self.end,
            over_cancel=over_cancel,
            opens_approval=bool(self.opened),
            inbox_seq=inbox_seq,
        )

    async def write_waits(self, connection: Connection, run: UUID, workspace: str) -> None:
        """Write the waits, in the transaction of the step statement, which has deleted all timers of an ended run.

        A run that ends still counts the decision that ended it, and its approvals and pauses are deleted.
        """
        continues = self.end is None
        if self.resumed:
            await pauses.delete_pauses(connection, run, self.resumed)
        if self.paused and continues:
            await pauses.insert_pauses(connection, run, self.paused)
        if self.dropped and continues:
            await wait_rows.drop_timers(connection, run, self.dropped)
        if self.timers and continues:
            await wait_rows.set_timers(connection, run, self.timers)
        if self.closed or self.counted:
            await approvals.delete_open(connection, run, self.closed, self.counted[0] if self.counted else None)
        for job, resume in self.counted[1:]:
            await approvals.mark_counted(connection, job, resume)
        if self.opened and continues:
            await approvals.insert_open(connection, run, workspace, self.opened)

    async def write_last(self, connection: Connection, plan: Plan, run: RunRow) -> list[UUID]:
        """Write permits, cached results and debounced nodes; return the runs that proceed because of it.

        The caller locks no row after this.
        """
        ended = self.end is not None
        for each in self.cached:
            await cache.store(connection, run.workspace, each)
        if ended and plan.erasures:
            await erasures.schedule(connection, run.id, plan.erasures)
        further: list[UUID] = []
        if plan.gated and ended:
            further = await gates.settle(connection, ended=[run.id])
        elif plan.gated:
            further = await gates.settle(connection, self.gate_entries, self.gate_exits)
        if not plan.debounces:
            return further
        if ended:
            return further + await step_debounce.apply_changes(connection, (), ended=[run.id])
        return further + await step_debounce.apply_changes(connection, self.debounce_entries, self.debounce_exits)


_LISTS = tuple(name for name in StepRows.__struct_fields__ if name != "end")
_OUTSIDE_STATEMENT = _LISTS[_LISTS.index("timers") :]


class _OfJob(Protocol):
    @property
    def job(self) -> UUID: ...


T = TypeVar("T", bound=_OfJob)


def _without(rows: list[T], jobs: Iterable[UUID]) -> list[T]:
    gone = set(jobs)
    return [row for row in rows if row.job not in gone]
