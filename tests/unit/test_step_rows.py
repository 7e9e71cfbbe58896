"""Merging of the rows of several steps."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import pytest

from orvanta_platform.db.pauses import NewPause
from orvanta_platform.db.steps import NewValue, RunEnd
from orvanta_platform.db.waits import NodeTimer
from orvanta_platform.orchestrator.step_rows import StepRows

JOB, OTHER, RUN = UUID(int=1), UUID(int=2), UUID(int=3)
LISTS = [name for name in StepRows.__struct_fields__ if name != "end"]


@pytest.mark.parametrize("name", LISTS)
def test_merge_appends_rows_of_every_kind(name: str) -> None:
    rows, later = StepRows(), StepRows()
    first, second = NodeTimer(JOB, "wait"), NodeTimer(OTHER, "wait")
    setattr(rows, name, [first])
    setattr(later, name, [second])
    rows.merge(later)
    assert getattr(rows, name) == [first, second]
    assert getattr(later, name) == [second]


@pytest.mark.parametrize(
    ("name", "undone_by"),
    [
        ("opened", "closed"),
        ("paused", "resumed"),
        ("gate_entries", "gate_exits"),
        ("debounce_entries", "debounce_exits"),
    ],
)
def test_merge_drops_rows_that_a_later_step_undoes(name: str, undone_by: str) -> None:
    rows, later = StepRows(), StepRows()
    undone, remaining = (NewPause(job, None, "a", "ann", None) for job in (JOB, OTHER))
    setattr(rows, name, [undone, remaining])
    setattr(later, undone_by, [JOB])
    rows.merge(later)
    assert getattr(rows, name) == [remaining]
    assert getattr(rows, undone_by) == [JOB], "the row may have been written by an earlier transaction"


def test_merge_drops_only_timers_of_the_same_kind() -> None:
    rows, later = StepRows(), StepRows()
    rows.timers = [NodeTimer(JOB, "wait"), NodeTimer(JOB, "deadline")]
    later.dropped = [(JOB, "wait")]
    rows.merge(later)
    assert rows.timers == [NodeTimer(JOB, "deadline")]


def test_merge_keeps_the_end_of_the_run() -> None:
    rows, end = StepRows(), RunEnd("succeeded")
    rows.merge(StepRows(end=end))
    rows.merge(StepRows())
    assert rows.end is end


def test_statement_writes_the_later_of_two_values_of_a_name() -> None:
    first, second = (NewValue(RUN, "context", "n", 1, 0, body, None) for body in (b"1", b"2"))
    run = cast(Any, type("Run", (), {"id": RUN, "rev": 4}))
    write = StepRows(values=[first, second]).statement(run, b"s", "running", over_cancel=False)
    assert (write.values, write.rev) == ([second], 4)


@pytest.mark.parametrize("name", LISTS)
def test_rows_besides_the_statement_need_a_transaction(name: str) -> None:
    rows = StepRows()
    assert not rows.needs_transaction
    setattr(rows, name, [NodeTimer(JOB, "wait")])
    assert rows.needs_transaction == (name not in ("endings", "nodes", "jobs", "wakes", "values", "events"))
