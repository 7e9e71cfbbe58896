"""Retries, handled and unhandled failures, and the failure module."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.engine.driven import Driven, condition, job, js, on

from orvanta_platform.engine.effects import (
    CancelJob,
    CloseTimer,
    ErrorOf,
    NodeEnded,
    OfNode,
    Record,
    Retry,
)
from orvanta_platform.engine.events import NamedError
from orvanta_platform.engine.state import Mark, Phase
from orvanta_platform.engine.states import NodeState, Status

TWICE: dict[str, Any] = {"constant": {"attempts": 2, "seconds": 5}}
FAILURE = job("failure")


def test_failure_is_retried_after_timer_up_to_max_attempts() -> None:
    run = Driven(job("a", retry=TWICE), job("b")).start()
    for attempt in (1, 2):
        run.fail("a")
        assert run.found(Retry) == [Retry(0, 5.0, attempt)]
        assert run.found(NodeEnded) == []
        assert run.mark("a") == Mark.WAITING_TIMER
        assert run.due("a").enqueued == ["a"]
        assert run.effects[-1].failures == attempt  # type: ignore[union-attr]
    run.fail("a")
    assert run.found(Retry) == []
    assert run.end is not None and run.end.status is Status.FAILED


def test_retry_is_recorded_in_the_history() -> None:
    run = Driven(job("a", retry=TWICE)).start().fail("a")
    assert run.found(Record) == [Record("retry", 0, {"failures": 1, "delay_s": 5.0})]


def test_successful_retry_continues_and_clears_its_failures() -> None:
    run = Driven(job("a", retry=TWICE), job("b")).start().fail("a").due("a").ok("a")
    assert run.enqueued == ["b"]
    assert run.state.failures == {}


def test_non_retryable_failure_is_not_retried() -> None:
    run = Driven(job("a", retry=TWICE)).start().fail("a", "result_too_large", retryable=False)
    assert run.found(Retry) == []
    assert run.end is not None


@pytest.mark.parametrize(("expr", "retried"), [("true", True), ("false", False), ("boom", False)])
def test_retry_if_is_asked_before_each_retry(expr: str, retried: bool) -> None:
    run = Driven(job("a", retry={**TWICE, "retry_if": {"expr": expr}})).start().fail("a")
    assert [ask.purpose for ask in run.rounds[0]] == ["retry_if"]
    assert bool(run.found(Retry)) is retried
    assert (run.end is None) is retried


def test_retry_if_that_throws_keeps_the_nodes_error_and_is_recorded() -> None:
    run = Driven(job("a", retry={**TWICE, "retry_if": {"expr": "boom"}})).start().fail("a")
    assert run.found(NodeEnded) == [NodeEnded(0, NodeState.FAILED, error=NamedError("Error", "a failed"))]
    assert Record("retry_if_threw", 0, {"name": "TypeError", "message": "boom"}) in run.effects


def test_retry_if_is_not_asked_when_no_attempt_is_left() -> None:
    run = Driven(job("a", retry={"retry_if": {"expr": "true"}})).start().fail("a")
    assert run.rounds == []


def test_unhandled_failure_ends_run_with_its_error() -> None:
    run = Driven(job("a"), job("b")).start().fail("a", "ValueError")
    assert run.end is not None
    assert (run.end.status, run.end.result, run.end.error_node) == (Status.FAILED, ErrorOf(0), 0)
    assert run.marks("a", "b") == ["unhandled", "pending"]


@pytest.mark.parametrize("outcome", ["failure", "always"])
def test_failure_with_matching_edge_is_handled(outcome: str) -> None:
    run = Driven(job("a", free=True), job("b", on("a", outcome)), job("c", "a")).start().fail("a")
    assert run.enqueued == ["b"]
    assert run.marks("a", "c") == ["failed", "skipped"]
    run.ok("b")
    assert run.end is not None and run.end.status is Status.SUCCEEDED


def test_after_an_unhandled_failure_nothing_new_starts_and_running_jobs_continue() -> None:
    run = Driven(job("a", free=True), job("b", free=True), job("c", "b")).start().fail("a")
    assert run.end is None and run.state.phase is Phase.FAILING
    assert run.found(CancelJob) == [CancelJob(1, stop=False)]
    run.ok("b")
    assert run.enqueued == []
    assert run.found(NodeEnded) == [NodeEnded(1, NodeState.SUCCEEDED)]
    assert run.marks("b", "c") == ["succeeded", "pending"]
    assert run.end is not None and run.end.result == ErrorOf(0)


def test_after_an_unhandled_failure_an_unclaimed_job_is_withdrawn() -> None:
    run = Driven(job("a", free=True), job("b", free=True)).start().fail("a").cancelled("b")
    assert run.mark("b") == Mark.CANCELLED
    assert run.end is not None and run.end.status is Status.FAILED


def test_second_unhandled_failure_cancels_nothing_further() -> None:
    run = Driven(job("a", free=True), job("b", free=True), job("c", free=True)).start().fail("a")
    assert len(run.found(CancelJob)) == 2
    assert run.fail("b").found(CancelJob) == []


def test_after_an_unhandled_failure_open_retries_are_closed() -> None:
    run = Driven(job("a", free=True), job("b", free=True, retry=TWICE)).start().fail("b").fail("a")
    assert run.found(CloseTimer) == [CloseTimer(1)]
    assert run.mark("b") == Mark.CANCELLED
    assert run.end is not None
    assert run.due("b").effects == ()


def test_while_the_run_fails_a_running_node_that_fails_is_not_retried() -> None:
    run = Driven(job("a", free=True), job("b", free=True, retry=TWICE)).start().fail("a").fail("b")
    assert run.found(Retry) == []
    assert run.state.unhandled() == (0, 1)


def test_while_the_run_fails_exports_of_successful_nodes_are_written() -> None:
    run = Driven(job("a", free=True), job("b", free=True, export={"x": js("true")})).start().fail("a").ok("b")
    assert [ask.purpose for ask in run.rounds[0]] == ["export"]


def test_step_that_fails_the_run_starts_nothing() -> None:
    run = Driven(job("a", free=True), job("b", "a"), condition("c", "boom", "a")).start().ok("a")
    assert run.enqueued == []
    assert run.marks("b", "c") == ["pending", "unhandled"]
    assert run.end is not None


def test_failure_module_runs_last_and_its_result_is_that_of_run() -> None:
    run = Driven(job("a", free=True), job("b", free=True), failure_module=FAILURE).start().fail("b")
    assert run.enqueued == []
    assert run.fail("a").enqueued == ["failure"]
    assert run.state.unhandled() == (1, 0)
    run.ok("failure")
    assert run.end is not None
    assert (run.end.status, run.end.recovered, run.end.result) == (Status.SUCCEEDED, True, OfNode(2))
    assert run.end.error_node == 1


def test_failing_failure_module_fails_run_with_its_error() -> None:
    run = Driven(job("a"), failure_module=FAILURE).start().fail("a").fail("failure", "Other")
    assert run.end is not None
    assert (run.end.status, run.end.recovered, run.end.result) == (Status.FAILED, False, ErrorOf(1))


def test_failure_module_has_own_retry_and_timeout() -> None:
    module = job("failure", retry=TWICE, timeout=3)
    run = Driven(job("a"), failure_module=module).start().fail("a").fail("failure")
    assert run.found(Retry) == [Retry(1, 5.0, 1)]
    assert run.due("failure").enqueued == ["failure"]
    run.ok("failure")
    assert run.end is not None and run.end.recovered


def test_failure_module_with_throwing_expression_fails_run() -> None:
    run = Driven(job("a"), failure_module=job("failure", timeout=js("boom"))).start().fail("a")
    assert run.end is not None and run.end.result == ErrorOf(1)


def test_failure_module_does_not_run_for_handled_failure() -> None:
    run = Driven(job("a", free=True), job("b", on("a", "failure")), failure_module=FAILURE).start()
    run.fail("a").ok("b")
    assert run.mark("failure") == Mark.PENDING
    assert run.end is not None and not run.end.recovered


def test_failure_module_may_be_a_condition() -> None:
    run = Driven(job("a"), failure_module=condition("failure", "false")).start().fail("a")
    assert run.end is not None and run.end.recovered and run.mark("failure") == Mark.FALSE


def test_continue_on_error_succeeds_after_the_retries() -> None:
    retry = {"constant": {"attempts": 1, "seconds": 0}}
    run = Driven(job("a", continue_on_error=True, retry=retry), job("b"), job("c", on("a", "failure"))).start()
    assert run.fail("a").found(Retry) == [Retry(0, 0.0, 1)]
    run.due("a").fail("a")
    assert run.found(NodeEnded) == [
        NodeEnded(0, NodeState.FAILED, error=NamedError("Error", "a failed"), continued=True)
    ]
    assert run.enqueued == ["b"]
    assert run.marks("a", "c") == ["continued", "skipped"]


def test_continue_on_error_on_the_last_step_makes_the_run_succeed_with_its_error() -> None:
    run = Driven(job("a", continue_on_error=True)).start().fail("a")
    assert run.end is not None
    assert (run.end.status, run.end.result) == (Status.SUCCEEDED, OfNode(0))


def test_job_cancelled_by_person_fails_its_node_without_retries() -> None:
    run = Driven(job("a", retry=TWICE, free=True), job("b", on("a", "failure"))).start().cancelled("a")
    ended = run.found(NodeEnded)[0]
    assert ended.error is not None and ended.error.name == "Canceled"
    assert run.found(Retry) == [] and run.enqueued == ["b"]


def test_scheduled_retry_cancelled_by_person_closes_its_timer() -> None:
    run = Driven(job("a", retry=TWICE)).start().fail("a").cancelled("a")
    assert run.found(CloseTimer) == [CloseTimer(0)]
    assert run.end is not None and run.end.status is Status.FAILED


def test_timer_due_twice_enqueues_once() -> None:
    run = Driven(job("a", retry=TWICE)).start().fail("a").due("a")
    assert run.enqueued == ["a"]
    assert run.due("a").effects == ()
