"""Questions of decide(), their timing, and the use of the answers."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.engine.driven import Driven, answer, condition, job, js, on

from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.effects import Ask, Enqueue, Export, NodeEnded, Retry
from orvanta_platform.engine.events import Answer, NamedError, Started, Succeeded
from orvanta_platform.engine.outcome import Need
from orvanta_platform.engine.state import Mark, RunState
from orvanta_platform.engine.states import NodeState


def test_all_known_questions_are_asked_together() -> None:
    run = Driven(
        condition("x", "true", free=True),
        condition("y", "false", free=True),
        job("a", free=True, timeout=js("ten")),
        job("b", on("x", "true"), timeout=js("ten")),
        answers={"ten": 10},
    ).start()
    assert [[ask.key for ask in asks] for asks in run.rounds] == [
        [("condition", 0), ("condition", 1), ("timeout", 2, 0)],
        [("timeout", 3, 0)],
    ]
    assert run.found(Enqueue) == [Enqueue(2, 10.0), Enqueue(3, 10.0)]


def test_need_contains_the_decisions_so_far() -> None:
    run = Driven(job("a", export={"x": js("true")}), condition("b", "true"), condition("c", "true")).start()
    answers: dict[tuple[str | int, ...], Answer | NamedError] = {}
    needs = []
    while isinstance(step := decide(run.plan, run.state, Succeeded(0), answers), Need):
        needs.append(step)
        answers |= {ask.key: answer(True) for ask in step.requests}
    assert [need.requests[0].purpose for need in needs] == ["export", "condition", "condition"]
    assert needs[1].state.nodes == bytes([Mark.SUCCEEDED, Mark.PENDING, Mark.PENDING])
    assert Export(0, "x", b"true") in needs[1].effects
    assert NodeEnded(1, NodeState.SUCCEEDED, b"true") in needs[2].effects


def test_decide_does_not_modify_its_arguments() -> None:
    run = Driven(job("a", retry={"constant": {"attempts": 2, "seconds": 1}})).start().fail("a")
    state = run.state
    before = RunState.decode(state.encode())
    run.due("a").fail("a")
    assert state == before


def test_timeout_is_evaluated_at_each_attempt() -> None:
    run = Driven(
        job("a", timeout=js("t"), retry={"constant": {"attempts": 1, "seconds": 1}}), answers={"t": 2.5}
    ).start()
    assert run.found(Enqueue) == [Enqueue(0, 2.5)]
    run.fail("a").due("a")
    assert run.rounds[0][0].key == ("timeout", 0, 1)
    assert run.found(Enqueue) == [Enqueue(0, 2.5, 1)]


@pytest.mark.parametrize("timeout", [7, {"type": "static", "value": 7}])
def test_static_timeout_is_not_evaluated(timeout: Any) -> None:
    run = Driven(job("a", timeout=timeout)).start()
    assert run.rounds == [] and run.found(Enqueue) == [Enqueue(0, 7.0)]


@pytest.mark.parametrize("value", [None, {"type": "static"}, {"type": "static", "value": None}])
def test_null_timeout_is_no_timeout(value: Any) -> None:
    assert Driven(job("a", timeout=value)).start().found(Enqueue) == [Enqueue(0, None)]


@pytest.mark.parametrize("value", [0, -1, "10", True, [1], {"a": 1}])
def test_timeout_that_is_not_a_positive_number_fails_the_node(value: Any) -> None:
    run = Driven(job("a", free=True, timeout=js("t")), job("b", on("a", "failure")), answers={"t": value})
    run.start()
    ended = run.found(NodeEnded)[0]
    assert ended.error is not None and ended.error.name == "InvalidTimeout"
    assert run.enqueued == ["b"]


def test_timeout_is_at_most_a_year() -> None:
    assert Driven(job("a", timeout=1e300)).start().found(Enqueue) == [Enqueue(0, 365 * 86_400.0)]


def test_throwing_expression_fails_its_node_without_retries() -> None:
    retry = {"constant": {"attempts": 3, "seconds": 1}}
    run = Driven(job("a", free=True, timeout=js("boom"), retry=retry), job("b", on("a", "failure"))).start()
    assert run.found(NodeEnded) == [NodeEnded(0, NodeState.FAILED, error=NamedError("TypeError", "boom"))]
    assert run.found(Retry) == [] and run.enqueued == ["b"]


def test_timeout_throwing_at_retry_fails_node() -> None:
    retry = {"constant": {"attempts": 3, "seconds": 1}}
    run = Driven(job("a", timeout=js("t"), retry=retry), answers={"t": 5}).start().fail("a")
    run.answers["t"] = NamedError("TypeError", "gone")
    run.due("a")
    assert run.mark("a") == Mark.UNHANDLED and run.end is not None


def test_condition_that_throws_under_continue_on_error_is_neither_true_nor_false() -> None:
    run = Driven(
        condition("c", "boom", free=True, continue_on_error=True),
        job("t", on("c", "true")),
        job("f", on("c", "false")),
        job("s", "c"),
    ).start()
    assert run.enqueued == ["s"]
    assert run.marks("c", "t", "f") == ["continued", "skipped", "skipped"]


def test_condition_result_is_boolean_and_readable_by_export() -> None:
    run = Driven(condition("c", "n", export={"x": js("result")}), answers={"n": 7, "result": True}).start()
    export = run.rounds[1][0]
    assert (export.purpose, export.result) == ("export", b"true")
    assert NodeEnded(0, NodeState.SUCCEEDED, b"true") in run.effects


def test_exports_are_asked_together_after_success_and_written_in_order() -> None:
    run = Driven(job("a", export={"x": js("one"), "y": {"type": "static", "value": 2}}), answers={"one": 1}).start()
    answers: dict[tuple[str | int, ...], Answer | NamedError] = {
        ("export", 0, "x"): answer(1),
        ("export", 0, "y"): answer(2),
    }
    need = decide(run.plan, run.state, Succeeded(0), {})
    assert isinstance(need, Need)
    assert need.requests == (
        Ask(("export", 0, "x"), 0, "export", js("one")),
        Ask(("export", 0, "y"), 0, "export", {"type": "static", "value": 2}),
    )
    step = decide(run.plan, run.state, Succeeded(0), answers)
    assert [e for e in step.effects if isinstance(e, Export)] == [
        Export(0, "x", b"1"),
        Export(0, "y", b"2"),
    ]


def test_failed_node_exports_nothing() -> None:
    for settings in ({}, {"continue_on_error": True}):
        run = Driven(job("a", export={"x": js("true")}, **settings)).start().fail("a")
        assert run.rounds == [] and run.found(Export) == []


def test_throwing_export_fails_its_node() -> None:
    run = Driven(
        job("a", free=True, export={"x": js("true"), "y": js("boom")}),
        job("b", "a"),
        job("c", on("a", "failure")),
    )
    run.start().ok("a")
    assert run.found(NodeEnded) == [NodeEnded(0, NodeState.FAILED, error=NamedError("TypeError", "boom"))]
    assert run.found(Export) == [] and run.enqueued == ["c"]


def test_equal_arguments_produce_equal_decisions() -> None:
    run = Driven(condition("x", "true", free=True), job("a", on("x", "true")), job("b", "x"), job("c", "a", "b"))
    answers: dict[tuple[str | int, ...], Answer | NamedError] = {("condition", 0): answer(True)}
    assert decide(run.plan, run.state, Started(), answers) == decide(run.plan, run.state, Started(), answers)


@pytest.mark.parametrize("first", [True, False, NamedError("TypeError", "x")])
@pytest.mark.parametrize("second", [True, False, NamedError("TypeError", "x")])
def test_need_can_be_continued_twice(first: Any, second: Any) -> None:
    run = Driven(
        job("prepared", free=True),
        condition("w", "true", free=True),
        condition("x", "x", "w"),
        job("yes", on("x", "true")),
        job("no", on("x", "false")),
        job("bad", on("x", "failure")),
    )
    answers: dict[tuple[str | int, ...], Answer | NamedError] = {("condition", 1): answer(True)}
    need = decide(run.plan, run.state, Started(), answers)
    assert isinstance(need, Need)
    before = (need.state, need.effects, need.requests)
    for value in (first, second):
        answers[("condition", 2)] = value if isinstance(value, NamedError) else answer(value)
        continued = decide(run.plan, run.state, Started(), answers, after=need)
        assert continued == decide(run.plan, run.state, Started(), answers)
    assert (need.state, need.effects, need.requests) == before
