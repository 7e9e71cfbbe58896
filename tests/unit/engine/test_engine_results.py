"""Results of runs."""

from __future__ import annotations

from tests.unit.engine.driven import Driven, condition, job, js, on

from orvanta_platform.engine.compile import single_plan
from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.effects import NodeResults, NullResult, OfNode, Output, RunEnded, ThrownOutput
from orvanta_platform.engine.events import NamedError, Started, Succeeded
from orvanta_platform.engine.outcome import Decision
from orvanta_platform.engine.plan import Kind
from orvanta_platform.engine.state import RunState
from orvanta_platform.engine.states import Status


def result(run: Driven) -> object:
    assert run.end is not None
    return run.end.result


def test_list_has_the_result_of_its_last_module() -> None:
    assert result(Driven(job("a"), job("b")).start().ok("a", "b")) == OfNode(1)


def test_list_may_end_with_condition() -> None:
    run = Driven(job("a"), condition("b", "false")).start().ok("a")
    assert result(run) == OfNode(1)


def test_empty_workflow_succeeds_immediately_with_its_input() -> None:
    run = Driven(answers={"previous_result": {"x": 1}}).start()
    assert run.end is not None
    assert (run.end.status, run.end.result) == (Status.SUCCEEDED, Output(b'{"x":1}'))


def test_graph_with_one_main_sink_has_its_result() -> None:
    run = Driven(job("a", free=True), job("b", free=True), job("c", "a", "b")).start().ok("a", "b", "c")
    assert result(run) == OfNode(2)


def test_several_main_sinks_form_an_object_of_the_successful_ones() -> None:
    modules = [
        condition("c", "true", free=True),
        job("x", on("c", "true")),
        job("y", on("c", "false")),
        job("z", "c", continue_on_error=True),
    ]
    run = Driven(*modules).start().fail("z").ok("x")
    assert result(run) == NodeResults((("x", 1), ("z", 3)))


def test_one_of_several_main_sinks_still_forms_an_object() -> None:
    run = Driven(condition("c", "true", free=True), job("x", on("c", "true")), job("y", on("c", "false"))).start()
    assert result(run.ok("x")) == NodeResults((("x", 1),))


def test_node_on_failure_edge_does_not_change_result() -> None:
    modules = [job("a", free=True), job("b", "a"), job("alert", on("a", "failure"))]
    assert result(Driven(*modules).start().ok("a", "b")) == OfNode(1)


def test_without_a_main_sink_that_succeeded_the_handling_sinks_count() -> None:
    modules = [job("a", free=True), job("b", "a"), job("alert", on("a", "failure"))]
    assert result(Driven(*modules).start().fail("a").ok("alert")) == OfNode(2)


def test_result_without_successful_sink_is_null() -> None:
    run = Driven(condition("c", "false", free=True), job("x", on("c", "true"))).start()
    assert result(run) == NullResult()


def test_output_is_evaluated_at_the_end_and_is_the_result() -> None:
    run = Driven(job("a"), output=js("sum"), answers={"sum": 3}).start().ok("a")
    assert [(ask.purpose, ask.node) for ask in run.rounds[0]] == [("output", 1)]
    assert result(run) == Output(b"3")


def test_throwing_output_fails_run_by_name() -> None:
    run = Driven(job("a"), output=js("boom"), failure_module=job("failure")).start().ok("a")
    assert run.end is not None
    assert (run.end.status, run.end.error_node) == (Status.FAILED, None)
    assert run.end.result == ThrownOutput(NamedError("TypeError", "boom"))


def test_output_is_not_asked_after_a_failure() -> None:
    run = Driven(job("a"), output=js("boom")).start().fail("a")
    assert run.rounds == []


def test_run_of_one_script_is_a_plan_of_one_node() -> None:
    plan = single_plan(Kind.SCRIPT, {"type": "script", "path": "f/x/y"})
    assert plan.single
    first = decide(plan, RunState.new(plan), Started(), {})
    assert isinstance(first, Decision)
    last = decide(plan, first.state, Succeeded(0), {})
    assert isinstance(last, Decision) and last.effects[-1] == RunEnded(Status.SUCCEEDED, OfNode(0))
