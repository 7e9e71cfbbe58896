"""Waits and shortcuts without a job: delay, sleep, skip_if, mock, skip_expr."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.engine.driven import Driven, condition, job, js, on

from orvanta_platform.engine.display_status import status
from orvanta_platform.engine.effects import DropTimer, Export, NodeEnded, OfNode, SetTimer
from orvanta_platform.engine.events import NamedError
from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.states import NodeState, Status

SLEEP = {"type": "static", "value": 9}


def static(value: Any) -> dict[str, Any]:
    return {"type": "static", "value": value}


def delay(node_id: str, *needs: Any, **value: Any) -> dict[str, Any]:
    module = {"id": node_id, "value": {"type": "delay", **value}}
    return {**module, "needs": list(needs)} if needs else module


class Waiting(Driven):
    """A run that also answers static Transforms."""

    def _answer(self, ask: Any) -> Any:
        if isinstance(ask.source, dict) and ask.source["type"] == "static":
            from tests.unit.engine.driven import answer

            return answer(ask.source["value"])
        return super()._answer(ask)


def shown(run: Driven) -> Status:
    plan: Plan = run.plan
    return status(plan, run.state, job_started=False).status


def test_delay_waits_without_a_job_and_passes_the_previous_result() -> None:
    run = Waiting(job("a"), delay("d", seconds=static(30)), job("b"), answers={"previous_result": 7}).start()
    run.ok("a")
    assert run.found(SetTimer) == [SetTimer(1, "wait", 30.0)] and run.enqueued == []
    assert run.marks("d") == ["waiting_timer"] and shown(run) is Status.RUNNING
    run.due("d")
    assert run.found(NodeEnded) == [NodeEnded(1, NodeState.SUCCEEDED, b"7")] and run.enqueued == ["b"]


def test_delay_of_zero_is_over_immediately() -> None:
    run = Waiting(delay("d", seconds=static(0)), job("b"), answers={"previous_result": {}}).start()
    assert run.found(SetTimer) == [] and run.enqueued == ["b"]


@pytest.mark.parametrize("value", [-1, "3", True, 10 * 366 * 86_400 + 1])
def test_invalid_delay_fails_its_node(value: Any) -> None:
    run = Waiting(delay("d", seconds=js("s")), answers={"s": value}).start()
    (ended,) = run.found(NodeEnded)
    assert ended.error is not None and ended.error.name == "InvalidDelay"


def test_delay_until_time() -> None:
    run = Waiting(delay("d", until=js("t")), answers={"t": "2030-01-31T12:00:00+00:00"}).start()
    assert run.found(SetTimer) == [SetTimer(0, "wait", None, "2030-01-31T12:00:00+00:00")]


def test_failure_elsewhere_ends_a_delay() -> None:
    run = Waiting(job("a", free=True), delay("d", seconds=static(9)) | {"needs": []}).start().fail("a")
    assert run.found(DropTimer) == [DropTimer(1)] and run.marks("d") == ["cancelled"]
    assert run.end is not None and run.end.status is Status.FAILED


def test_cancel_ends_a_delay() -> None:
    run = Waiting(delay("d", seconds=static(9))).start().cancel()
    assert run.found(DropTimer) == [DropTimer(0)]
    assert run.end is not None and run.end.status is Status.CANCELLED


def test_delay_started_and_ended_by_one_step_sets_no_timer() -> None:
    nodes = [job("a"), delay("d", on("a", "success"), seconds=static(9)), condition("c", "boom", on("a", "success"))]
    run = Waiting(*nodes).start().ok("a")
    assert run.found(SetTimer) == [] == run.found(DropTimer)
    assert run.end is not None and run.end.status is Status.FAILED


def test_sleep_delays_the_next_step_but_not_the_own_result() -> None:
    run = Waiting(job("a", sleep=SLEEP), job("b")).start().ok("a")
    assert run.found(NodeEnded) == [NodeEnded(0, NodeState.SUCCEEDED)]
    assert run.found(SetTimer) == [SetTimer(0, "wait", 9.0)] and run.enqueued == []
    assert run.marks("a", "b") == ["sleeping", "pending"]
    assert run.due("a").enqueued == ["b"] and run.marks("a") == ["succeeded"]
    assert run.due("a").effects == ()


def test_sleep_after_the_last_step_has_no_effect() -> None:
    run = Waiting(job("a", sleep=SLEEP)).start().ok("a")
    assert run.found(SetTimer) == [] and run.end is not None


def test_sleep_holds_only_its_own_edges() -> None:
    run = Waiting(job("a", free=True, sleep=SLEEP), job("b", free=True), job("c", "a"), job("d", "b")).start()
    assert run.ok("a").enqueued == [] and run.ok("b").enqueued == ["d"]


def test_failure_elsewhere_ends_a_sleep_and_keeps_ended_nodes() -> None:
    run = Waiting(job("a", free=True, sleep=SLEEP), job("b", free=True), job("c", "a")).start().ok("a").fail("b")
    assert run.found(DropTimer) == [DropTimer(0)] and run.marks("a", "c") == ["succeeded", "pending"]
    assert run.end is not None and run.end.status is Status.FAILED


def test_throwing_sleep_fails_its_node() -> None:
    run = Waiting(job("a", sleep=js("boom")), job("b")).start().ok("a")
    assert run.marks("a") == ["unhandled"] and run.end is not None


def test_condition_sleeps() -> None:
    run = Waiting(condition("c", "true", sleep=SLEEP), job("b", on("c", "true"))).start()
    assert run.enqueued == [] and run.due("c").enqueued == ["b"]


def test_skip_if_ends_a_step_with_the_previous_result() -> None:
    module = job("a", on("z", "success"), skip_if={"expr": "true"}, export={"x": js("boom")}, sleep=js("boom"))
    run = Waiting(job("z"), module, job("b", "a"), answers={"previous_result": [1]}).start().ok("z")
    assert run.found(NodeEnded)[1:] == [NodeEnded(1, NodeState.SUCCEEDED, b"[1]")]
    assert run.marks("a") == ["passed"] and run.enqueued == ["b"] and run.found(Export) == []


def test_skip_if_is_evaluated_only_before_the_first_attempt() -> None:
    retry = {"constant": {"attempts": 1, "seconds": 1}}
    run = Waiting(job("a", skip_if={"expr": "late"}, retry=retry), answers={"late": False, "previous_result": 1})
    run.start().fail("a")
    run.answers["late"] = True
    assert run.due("a").enqueued == ["a"]


def test_throwing_skip_if_fails_its_node() -> None:
    run = Waiting(job("a", skip_if={"expr": "boom"})).start()
    assert run.found(NodeEnded)[0].error == NamedError("TypeError", "boom")


def test_skipped_condition_has_neither_true_nor_false() -> None:
    nodes = [condition("c", "true", skip_if={"expr": "true"}), job("t", on("c", "true")), job("s", on("c", "always"))]
    run = Waiting(*nodes, answers={"previous_result": None}).start()
    assert run.marks("t", "s") == ["skipped", "queued"]


def test_mock_returns_its_value_without_running() -> None:
    module = job("a", mock={"enabled": True, "return_value": {"x": 1}}, export={"y": js("result.x")})
    run = Waiting(module, answers={"result.x": 1}).start()
    assert run.found(NodeEnded) == [NodeEnded(0, NodeState.SUCCEEDED, b'{"x":1}')] and run.found(Export)
    assert run.end is not None and run.end.result == OfNode(0)


def test_disabled_mock_changes_nothing() -> None:
    assert Waiting(job("a", mock={"enabled": False, "return_value": 1})).start().enqueued == ["a"]


@pytest.mark.parametrize(("value", "mark"), [(False, "false"), (None, "false"), ("x", "true"), ([], "true")])
def test_mocked_condition_follows_its_value(value: Any, mark: str) -> None:
    run = Waiting(condition("c", "boom", mock={"enabled": True, "return_value": value}), job("b")).start()
    assert run.marks("c") == [mark]


def test_skip_expr_prevents_all_nodes() -> None:
    run = Waiting(job("a"), skip_expr="true").start()
    assert run.enqueued == [] and run.end is not None
    assert (run.end.status, run.end.skipped) == (Status.SUCCEEDED, True)


def test_skip_expr_that_is_false_changes_nothing() -> None:
    assert Waiting(job("a"), skip_expr="false").start().enqueued == ["a"]


def test_skip_expr_that_throws_fails_the_run() -> None:
    run = Waiting(job("a"), skip_expr="boom").start()
    assert run.end is not None and run.end.status is Status.FAILED
