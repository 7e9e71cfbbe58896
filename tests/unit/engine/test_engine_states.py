"""State tables: every pair of states is tested, and the diagrams match the tables."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.state import MARK_STATE, OUTCOMES, Mark, RunState
from orvanta_platform.engine.states import (
    JOB,
    NODE,
    RUN,
    TABLES,
    IllegalTransition,
    Table,
    mermaid,
    transition,
)
from orvanta_platform.engine.step import Step

ALLOWED = {
    "Job": """
        scheduled>available available>running running>available running>scheduled
        running>succeeded running>failed running>cancelled scheduled>cancelled available>cancelled""",
    "Node": """
        pending>queued pending>waiting_timer pending>waiting_approval pending>waiting_gate
        pending>waiting_children waiting_timer>queued waiting_timer>waiting_children waiting_gate>queued
        waiting_timer>succeeded waiting_timer>failed waiting_approval>succeeded waiting_approval>failed
        waiting_children>succeeded waiting_children>failed queued>running running>succeeded running>failed
        running>waiting_timer waiting_children>waiting_timer running>waiting_approval waiting_timer>waiting_approval
        waiting_children>waiting_approval waiting_approval>waiting_timer waiting_timer>waiting_gate waiting_gate>failed
        pending>succeeded pending>failed pending>skipped
        pending>cancelled waiting_timer>cancelled waiting_approval>cancelled waiting_gate>cancelled
        waiting_children>cancelled queued>cancelled running>cancelled
        pending>paused paused>queued paused>waiting_timer paused>waiting_approval paused>waiting_gate
        paused>waiting_children paused>succeeded paused>failed paused>cancelled""",
    "Run": """
        queued>running queued>awaiting_approval running>awaiting_approval awaiting_approval>running
        queued>succeeded queued>failed running>succeeded running>failed
        awaiting_approval>succeeded awaiting_approval>failed
        queued>cancelling running>cancelling awaiting_approval>cancelling cancelling>cancelled
        queued>paused running>paused awaiting_approval>paused paused>running paused>awaiting_approval
        paused>succeeded paused>failed paused>cancelling""",
}

PAIRS = [
    pytest.param(table, old, new, id=f"{table.name}-{old}-{new}")
    for table in TABLES
    for old, new in itertools.product(table.states, repeat=2)
]


@pytest.mark.parametrize(("table", "old", "new"), PAIRS)
def test_pair_is_a_transition_or_rejected(table: Table, old: str, new: str) -> None:
    if f"{old}>{new}" in ALLOWED[table.name].split():
        assert transition(table, old, new)
    else:
        with pytest.raises(IllegalTransition) as raised:
            transition(table, old, new)
        assert raised.value.code == "illegal_transition"
        assert old in raised.value.message and new in raised.value.message


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_state_is_reachable_and_only_final_ones_have_no_exit(table: Table) -> None:
    left = {old for old, _ in table.arrows}
    reached = {new for _, new in table.arrows} | set(table.initial)
    assert reached == set(table.states)
    assert set(table.states) - left == set(table.final)


@pytest.mark.parametrize(("old", "new"), list(itertools.product(Mark, repeat=2)), ids=lambda mark: mark.name)
def test_mark_changes_only_along_a_node_transition(old: Mark, new: Mark) -> None:
    step = Step(Plan((), ()), RunState(bytes([old])), {}, 0)
    if (MARK_STATE[old], MARK_STATE[new]) in NODE.arrows:
        step.mark(0, new)
        assert step.nodes[0] == new
    else:
        with pytest.raises(IllegalTransition):
            step.mark(0, new)
        assert step.nodes[0] == old


def test_mark_has_outcomes_if_its_state_is_final() -> None:
    assert set(OUTCOMES) == {mark for mark in Mark if MARK_STATE[mark] in NODE.final}


@pytest.mark.parametrize("table", [JOB, NODE, RUN], ids=lambda table: table.name)
def test_documented_diagram_matches_the_table(table: Table) -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "states.md"
    drawing = f"## {table.name}\n"
    section = page.read_text().split(drawing, 1)[1].split("\n## ", 1)[0]
    assert f"```mermaid\n{mermaid(table)}\n```" in section
