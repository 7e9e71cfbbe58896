"""Sequence, needs, joins, outcomes and skipping."""

from __future__ import annotations

import pytest
from tests.unit.engine.driven import Driven, condition, job, on

from orvanta_platform.engine.effects import Enqueue, OfNode
from orvanta_platform.engine.events import Event, Failed, JobCancelled, Started, Succeeded, TimerDue
from orvanta_platform.engine.state import Mark
from orvanta_platform.engine.states import Status


def test_list_runs_in_sequence() -> None:
    run = Driven(job("a"), job("b"), job("c")).start()
    assert run.enqueued == ["a"]
    assert run.ok("a").enqueued == ["b"]
    assert run.ok("b").enqueued == ["c"]
    assert run.end is None
    run.ok("c")
    assert run.end is not None and run.end.status is Status.SUCCEEDED


def test_nodes_without_needs_start_immediately_in_document_order() -> None:
    run = Driven(job("a", free=True), job("b", free=True), job("c", "a", "b")).start()
    assert run.enqueued == ["a", "b"]


def test_nodes_started_by_one_step_are_enqueued_in_document_order() -> None:
    run = Driven(condition("c", "true", free=True), job("a", "c"), job("b", free=True)).start()
    assert run.enqueued == ["a", "b"]


def test_all_waits_for_every_edge() -> None:
    run = Driven(job("a", free=True), job("b", free=True), job("c", free=True), job("d", "a", "b", "c")).start()
    assert run.ok("c").enqueued == []
    assert run.ok("a").enqueued == []
    assert run.ok("b").enqueued == ["d"]


def test_all_is_skipped_at_the_first_dead_edge_while_others_are_open() -> None:
    run = Driven(
        job("slow", free=True),
        condition("c", "false", free=True),
        job("d", "slow", on("c", "true")),
        job("after", "d"),
        job("settled", "after", "slow", join="settled"),
    ).start()
    assert run.enqueued == ["slow"]
    assert run.marks("c", "d", "after", "settled") == ["false", "skipped", "skipped", "pending"]
    assert run.ok("slow").enqueued == ["settled"]


def test_all_behind_two_outcomes_of_one_node_takes_both_or_is_skipped() -> None:
    run = Driven(condition("c", "true", free=True), job("d", on("c", "true"), on("c", "always"), "c")).start()
    assert run.enqueued == ["d"]
    run = Driven(condition("c", "true", free=True), job("d", on("c", "true"), on("c", "false"))).start()
    assert run.mark("d") == Mark.SKIPPED


def test_settled_waits_until_no_edge_is_open_and_needs_one_taken() -> None:
    modules = [
        condition("if", "false", free=True),
        job("then", on("if", "true")),
        job("else", on("if", "false")),
        job("join", "then", "else", join="settled"),
    ]
    run = Driven(*modules).start()
    assert run.enqueued == ["else"]
    assert run.ok("else").enqueued == ["join"]
    assert run.mark("then") == Mark.SKIPPED


def test_settled_is_skipped_when_all_its_edges_are_dead() -> None:
    run = Driven(
        condition("x", "false", free=True),
        condition("y", "false", free=True),
        job("join", on("x", "true"), on("y", "true"), join="settled"),
        job("after", "join"),
    ).start()
    assert run.marks("join", "after") == ["skipped", "skipped"]
    assert run.end is not None and run.end.status is Status.SUCCEEDED


def test_any_runs_once_at_the_first_taken_edge() -> None:
    run = Driven(job("a", free=True), job("b", free=True), job("c", "a", "b", join="any")).start()
    assert run.ok("b").enqueued == ["c"]
    assert run.ok("c").enqueued == []
    assert run.end is None
    assert run.ok("a").enqueued == []
    assert run.end is not None


def test_any_ignores_dead_edges_until_all_are_dead() -> None:
    modules = [
        job("a", free=True),
        condition("x", "false", free=True),
        job("c", on("x", "true"), on("a", "failure"), join="any"),
    ]
    run = Driven(*modules).start()
    assert run.mark("c") == Mark.PENDING
    assert run.ok("a").mark("c") == Mark.SKIPPED
    run = Driven(*modules).start().fail("a")
    assert run.enqueued == ["c"]


def test_any_with_two_edges_taken_together_starts_once() -> None:
    run = Driven(
        condition("x", "true", free=True),
        condition("y", "true", free=True),
        job("c", on("y", "true"), on("x", "always"), on("x", "true"), join="any"),
    ).start()
    assert run.enqueued == ["c"]


@pytest.mark.parametrize(
    ("expr", "outcome", "taken"),
    [
        ("true", "true", True),
        ("true", "false", False),
        ("true", "success", True),
        ("true", "failure", False),
        ("true", "always", True),
        ("false", "true", False),
        ("false", "false", True),
        ("false", "success", True),
        ("false", "always", True),
        ("boom", "failure", True),
        ("boom", "always", True),
    ],
)
def test_outcomes_of_condition(expr: str, outcome: str, taken: bool) -> None:
    run = Driven(condition("c", expr, free=True), job("d", on("c", outcome)), job("e", on("c", "always"))).start()
    assert ("d" in run.enqueued) is taken
    assert run.mark("d") == (Mark.QUEUED if taken else Mark.SKIPPED)


@pytest.mark.parametrize(
    ("ends", "outcome", "taken"),
    [
        ("ok", "success", True),
        ("ok", "failure", False),
        ("ok", "always", True),
        ("fail", "failure", True),
        ("fail", "always", True),
        ("fail", "success", False),
    ],
)
def test_outcomes_of_job(ends: str, outcome: str, taken: bool) -> None:
    run = Driven(job("a", free=True), job("d", on("a", outcome)), job("e", on("a", "always"))).start()
    run = run.ok("a") if ends == "ok" else run.fail("a")
    assert run.enqueued == (["d", "e"] if taken else ["e"])


def test_chain_of_conditions_is_decided_in_one_step() -> None:
    run = Driven(
        condition("a", "true", free=True),
        condition("b", "false", on("a", "true")),
        condition("c", "true", on("b", "false")),
        job("d", on("c", "true")),
    ).start()
    assert run.enqueued == ["d"]
    assert len(run.rounds) == 3


def test_skipped_node_has_dead_edges_even_on_always() -> None:
    run = Driven(condition("c", "false", free=True), job("a", on("c", "true")), job("b", on("a", "always"))).start()
    assert run.marks("a", "b") == ["skipped", "skipped"]


def test_skips_propagate_over_5000_nodes_without_recursion() -> None:
    modules = [condition("c", "false", free=True), job("n0", on("c", "true"))]
    modules += [job(f"n{i}", f"n{i - 1}") for i in range(1, 4998)]
    run = Driven(*modules, job("last", "n4997", "c", join="settled")).start()
    assert run.enqueued == ["last"]
    assert run.state.nodes.count(Mark.SKIPPED) == 4998
    assert len(run.state.encode()) <= 8_000


@pytest.mark.extended
def test_5000_nodes_in_a_chain_run_to_the_end() -> None:
    run = Driven(*(job(f"n{i}") for i in range(5000))).start()
    for index in range(5000):
        run.send(Succeeded(index))
        run.all_effects = [effect for effect in run.all_effects if not isinstance(effect, Enqueue)]
    assert run.end is not None and run.end.result == OfNode(4999)


def test_second_start_changes_nothing() -> None:
    run = Driven(job("a")).start()
    before = run.state
    run.send(Started())
    assert run.effects == () and run.state == before
    run = Driven(condition("a", "true")).start()
    assert run.end is not None
    assert run.send(Started()).effects == ()


def test_late_and_repeated_events_change_nothing() -> None:
    run = Driven(job("a", free=True), job("b", free=True), job("c", "a")).start().ok("a")
    before = run.state
    again: list[Event] = [Succeeded(0), Failed(0, "Error", "late"), TimerDue(0), JobCancelled(0)]
    for event in again:
        run.send(event)
        assert run.effects == () and run.state == before
    assert run.due("b").effects == ()


def test_event_for_a_node_not_started_changes_nothing() -> None:
    run = Driven(job("a"), job("b")).start()
    assert run.ok("b").effects == ()
    assert run.mark("b") == Mark.PENDING


def test_event_for_unknown_node_is_rejected() -> None:
    run = Driven(job("a")).start()
    with pytest.raises(IndexError):
        run.send(Succeeded(7))
