"""Cancellation, which takes precedence over all other events."""

from __future__ import annotations

from tests.unit.engine.driven import Driven, job, js

from orvanta_platform.engine.effects import CancelJob, CloseTimer, NodeEnded, Record, RunEnded, RunStatus, ThrownOutput
from orvanta_platform.engine.events import Aborted, NamedError
from orvanta_platform.engine.state import Mark
from orvanta_platform.engine.states import NodeState, Status

RETRY = {"constant": {"attempts": 3, "seconds": 5}}


def test_cancel_stops_running_jobs_and_waits_for_them() -> None:
    run = Driven(job("a", free=True), job("b", free=True), job("c", "a")).start().cancel()
    assert run.found(CancelJob) == [CancelJob(0, stop=True), CancelJob(1, stop=True)]
    assert run.found(RunStatus) == [RunStatus(Status.CANCELLING)]
    assert Record("cancel", None, {"force": False}) in run.effects
    assert run.marks("a", "b", "c") == ["queued", "queued", "cancelled"]
    assert run.end is None
    run.cancelled("a")
    assert run.end is None
    run.cancelled("b")
    assert run.end is not None and run.end.status is Status.CANCELLED


def test_cancel_wins_over_a_job_that_succeeds_at_the_same_time() -> None:
    run = Driven(job("a", export={"x": js("true")}), job("b")).start().cancel().ok("a")
    assert run.rounds == [] and run.enqueued == []
    assert run.marks("a", "b") == ["succeeded", "cancelled"]
    assert run.end is not None and run.end.status is Status.CANCELLED


def test_cancel_wins_over_a_failure_its_retry_and_the_failure_module() -> None:
    run = Driven(job("a", retry=RETRY), failure_module=job("failure")).start().cancel().fail("a")
    assert run.mark("a") == Mark.CANCELLED
    assert run.end is not None and run.end.status is Status.CANCELLED


def test_cancel_closes_waits_and_ends_immediately_when_nothing_runs() -> None:
    run = Driven(job("a", retry=RETRY)).start().fail("a").cancel()
    assert run.found(CloseTimer) == [CloseTimer(0)]
    assert run.found(NodeEnded) == [NodeEnded(0, NodeState.CANCELLED)]
    assert run.end is not None and run.end.status is Status.CANCELLED


def test_cancel_of_a_failing_run_ends_cancelled_without_the_failure_module() -> None:
    run = Driven(job("a", free=True), job("b", free=True), failure_module=job("failure")).start()
    run.fail("a").cancel().ok("b")
    assert run.end is not None and run.end.status is Status.CANCELLED
    assert run.mark("failure") == Mark.CANCELLED


def test_cancel_stops_a_running_failure_module() -> None:
    run = Driven(job("a"), failure_module=job("failure")).start().fail("a").cancel()
    assert run.found(CancelJob) == [CancelJob(1, stop=True)]
    run.cancelled("failure")
    assert run.end is not None and run.end.status is Status.CANCELLED


def test_force_ends_the_run_without_waiting() -> None:
    run = Driven(job("a", free=True), job("b", free=True)).start().cancel(force=True)
    assert run.marks("a", "b") == ["cancelled", "cancelled"]
    assert [ended.state for ended in run.found(NodeEnded)] == [NodeState.CANCELLED] * 2
    assert isinstance(run.effects[-1], RunEnded)
    assert run.ok("a").effects == ()


def test_force_after_cancel_ends_unanswered_jobs() -> None:
    run = Driven(job("a", free=True), job("b", free=True)).start().cancel().cancelled("a")
    assert run.cancel().effects == ()
    run.cancel(force=True)
    assert run.found(NodeEnded) == [NodeEnded(1, NodeState.CANCELLED)]
    assert run.end is not None and run.end.status is Status.CANCELLED


def test_cancel_after_the_end_changes_nothing() -> None:
    run = Driven(job("a")).start().ok("a")
    assert run.cancel(force=True).effects == ()
    assert run.end is not None and run.end.status is Status.SUCCEEDED


def test_cancel_before_the_first_job_ended() -> None:
    run = Driven(job("a")).start().cancel().cancelled("a")
    assert run.end is not None and run.end.status is Status.CANCELLED


def test_body_cancelled_alone_fails_when_its_jobs_have_stopped() -> None:
    run = Driven(job("a", free=True), job("b", free=True), job("c", "a"), failure_module=job("failure"))
    run.start().send(Aborted("enough"))
    assert run.found(CancelJob) == [CancelJob(0, stop=True), CancelJob(1, stop=True)]
    run.cancelled("a").ok("b")
    assert run.enqueued == [] and run.marks("a", "b", "c") == ["cancelled", "succeeded", "pending"]
    assert run.end is not None and run.end.status is Status.FAILED
    assert run.end.result == ThrownOutput(NamedError("Canceled", "enough"))
    assert run.send(Aborted("late")).effects == ()


def test_body_is_cancelled_alone_and_with_its_run() -> None:
    run = Driven(job("a", free=True)).start().send(Aborted("enough")).cancel().cancelled("a")
    assert run.end is not None and run.end.status is Status.CANCELLED
    run = Driven(job("a", free=True)).start().cancel().send(Aborted("enough"))
    assert run.effects == ()
