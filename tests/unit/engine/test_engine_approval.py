"""Approval nodes and suspend: approvals, rejections, timeouts, and no repeated requests."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.unit.engine.driven import Driven, condition, job, js, on

from orvanta_platform.engine.display_status import status
from orvanta_platform.engine.effects import (
    CloseWait,
    DropTimer,
    ErrorOf,
    Export,
    NodeEnded,
    OfNode,
    OpenWait,
    SetTimer,
    StoreResume,
    ThrownOutput,
)
from orvanta_platform.engine.events import Approved, DeadlineDue, NamedError, Rejected
from orvanta_platform.engine.states import NodeState, Status

YES = b'{"decision":"approved","by":"ann"}'
NO = b'{"decision":"rejected","by":"bob"}'
LATE = b'{"decision":"timeout","by":null}'


def approval(node_id: str, *needs: Any, **value: Any) -> dict[str, Any]:
    more: dict[str, Any] = {name: value.pop(name) for name in ("continue_on_error", "export", "sleep") if name in value}
    return {"id": node_id, "value": {"type": "approval", **value}, "needs": list(needs), **more}


class Asking(Driven):
    """Run with approvals."""

    def yes(self, node_id: str, record: bytes = YES) -> Asking:
        self.send(Approved(self.index(node_id), record))
        return self

    def no(self, node_id: str, reason: str | None = None) -> Asking:
        self.send(Rejected(self.index(node_id), NO, "bob", reason))
        return self

    def late(self, node_id: str) -> Asking:
        self.send(DeadlineDue(self.index(node_id), LATE))
        return self

    @property
    def shown(self) -> Status:
        return status(self.plan, self.state, job_started=True).status


def asking(*modules: dict[str, Any], **value: Any) -> Asking:
    run = Asking(*modules, **value)
    run.start()
    return run


def test_approval_opens_and_its_decision_is_result_and_context() -> None:
    run = asking(approval("p", timeout=60), job("b", on("p", "approved")), job("c", on("p", "rejected")))
    assert run.found(OpenWait) == [OpenWait(0)] and run.found(SetTimer) == [SetTimer(0, "deadline", 60.0)]
    assert run.shown is Status.AWAITING_APPROVAL is run.state.status
    run.yes("p")
    assert run.found(CloseWait) == [CloseWait(0)] and run.found(DropTimer) == [DropTimer(0, "deadline")]
    assert run.found(NodeEnded) == [NodeEnded(0, NodeState.SUCCEEDED, YES)]
    assert run.found(Export) == [Export(0, "p", YES)]
    assert run.enqueued == ["b"] and run.marks("p", "c") == ["approved", "skipped"]
    assert run.state.status.value == "running"


def test_second_decision_changes_nothing() -> None:
    run = asking(approval("p"), job("b", "p")).yes("p")
    for event in (run.yes, run.no, run.late):
        assert event("p").effects == ()


def test_unhandled_rejection_fails_the_run() -> None:
    run = asking(approval("p"), job("b", "p"), failure_module=job("failure")).no("p", "too dear")
    (ended,) = run.found(NodeEnded)
    assert ended.error == NamedError("Rejected", "Rejected by bob: too dear") and ended.result is not None
    result = msgspec.json.decode(ended.result)
    assert (result["error"]["step_id"], result["decision"], result["by"]) == ("p", "rejected", "bob")
    assert run.enqueued == ["failure"] and run.state.order == (0,)


def test_unhandled_rejection_is_the_result() -> None:
    run = asking(approval("p")).no("p")
    assert run.end is not None and (run.end.status, run.end.result) == (Status.FAILED, ErrorOf(0))


@pytest.mark.parametrize("outcome", ["rejected", "failure", "always"])
def test_rejection_is_handled_by_an_edge(outcome: str) -> None:
    run = asking(approval("p"), job("b", on("p", outcome))).no("p")
    assert run.enqueued == ["b"] and run.marks("p") == ["rejected"]


def test_rejection_under_continue_on_error_continues() -> None:
    nodes = [job("b", on("p", "success")), job("r", on("p", "rejected")), job("f", on("p", "failure"))]
    run = asking(approval("p", continue_on_error=True), *nodes).no("p")
    assert run.enqueued == ["b", "r"] and run.marks("f") == ["skipped"]


def test_timeout_is_a_rejection() -> None:
    nodes = [job("t", on("p", "timeout")), job("r", on("p", "rejected")), job("f", on("p", "failure"))]
    run = asking(approval("p", timeout=5), *nodes).late("p")
    assert run.enqueued == ["t", "r", "f"] and run.found(DropTimer) == [DropTimer(0, "deadline")]


def test_approval_without_a_limit_does_not_time_out() -> None:
    run = asking(approval("p"), job("b", on("p", "timeout")))
    assert run.late("p").effects == () and run.state.status is Status.AWAITING_APPROVAL
    assert run.yes("p").end is not None


def test_timeout_may_continue() -> None:
    nodes = [job("t", on("p", "timeout")), job("s", "p"), job("a", on("p", "approved")), job("r", on("p", "rejected"))]
    run = asking(approval("p", timeout=5, on_timeout="continue"), *nodes).late("p")
    assert run.enqueued == ["t", "s"] and run.marks("a", "r") == ["skipped", "skipped"]


def test_required_number_of_people_must_agree() -> None:
    run = asking(approval("p", required_approvals=2), job("b", "p")).yes("p")
    assert run.enqueued == [] and run.shown is Status.AWAITING_APPROVAL
    assert run.yes("p").enqueued == ["b"]


def test_one_rejection_suffices() -> None:
    run = asking(approval("p", required_approvals=3)).yes("p").no("p")
    assert run.end is not None and run.end.status is Status.FAILED


def test_other_branches_continue() -> None:
    run = asking(approval("p"), job("a", free=True))
    assert (run.shown, run.state.status) == (Status.RUNNING, Status.QUEUED)
    run.ok("a")
    assert run.shown is Status.AWAITING_APPROVAL is run.state.status


def test_failure_elsewhere_closes_approval() -> None:
    run = asking(approval("p", timeout=5), job("a", free=True)).fail("a")
    assert run.found(CloseWait) == [CloseWait(0)] and run.found(DropTimer) == [DropTimer(0, "deadline")]
    assert run.marks("p") == ["cancelled"] and run.end is not None


def test_cancel_closes_an_approval() -> None:
    run = asking(approval("p"))
    run.cancel()
    assert run.end is not None and run.end.status is Status.CANCELLED
    assert run.yes("p").effects == ()


def test_export_of_approval_reads_decision_and_may_throw() -> None:
    run = asking(approval("p", export={"who": js("result.by")}), answers={"result.by": "ann"}).yes("p")
    assert [export.name for export in run.found(Export)] == ["p", "who"]
    run = asking(approval("p", export={"who": js("boom")})).yes("p")
    assert run.end is not None and run.end.status is Status.FAILED and run.found(CloseWait)


def test_message_inserts_values_and_runs_nothing() -> None:
    message = "Pay {{ context.sum }} to {{results.a.name}} ({{ context.gone }}) for {{ run.path }} {{ 1 + 1 }} {{ x }}"
    answers = {"context.sum": 7, "results.a.name": "{{ context.sum }}", "context.gone": NamedError("TypeError", "boom")}
    run = asking(approval("p", message=message), answers=answers)
    parts = ("Pay ", "7", " to ", "{{ context.sum }}", " (", ") for ", "\0path", " {{ 1 + 1 }} {{ x }}")
    assert run.found(OpenWait) == [OpenWait(0, parts)]


def test_message_reads_items_of_lists() -> None:
    message = "{{ results.a[1].name }}, {{ inputs.rows[1].n }}{{ inputs.rows[2].n }}"
    value = {"input_transforms": {"rows": js("rows")}}
    answers = {"results.a[1].name": "Ann", "rows": [{"n": 1}, {"n": 2}]}
    run = asking(approval("p", message=message, **value), answers=answers)
    assert run.found(OpenWait)[0].message == ("Ann", ", ", "2")


def test_suspend_waits_after_the_step_and_before_the_next() -> None:
    run = asking(job("a", suspend={"timeout": 9}), job("b"))
    run.ok("a")
    assert run.found(NodeEnded) == [NodeEnded(0, NodeState.SUCCEEDED)] and run.enqueued == []
    assert run.found(OpenWait) == [OpenWait(0)] and run.marks("a") == ["suspended"]
    assert run.shown is Status.AWAITING_APPROVAL
    run.yes("a", b'{"value":1}')
    assert run.found(StoreResume) == [StoreResume(0, 1, b'{"value":1}')] and run.enqueued == ["b"]
    assert run.marks("a") == ["succeeded"] and dict(run.state.votes) == {0: 1}


def test_too_many_groups_fail_the_step() -> None:
    groups = [f"group-{number}" for number in range(10_000)]
    run = asking(job("a", suspend={"user_groups_required": js("g")}), job("b"), answers={"g": groups})
    assert run.ok("a").found(OpenWait) == [] and run.marks("a") == ["unhandled"]


def test_suspend_after_the_last_step_has_no_effect() -> None:
    run = asking(job("a", suspend={}))
    assert run.ok("a").end is not None


def test_suspend_waits_for_all_events() -> None:
    run = asking(job("a", suspend={"required_events": 2}), job("b"))
    assert run.ok("a").found(OpenWait) and run.yes("a").enqueued == []
    run.yes("a", b"{}")
    assert run.enqueued == ["b"] and run.found(StoreResume) == [StoreResume(0, 2, b"{}")]


def test_suspend_for_no_event_has_no_effect() -> None:
    run = asking(job("a", suspend={"required_events": 0}), job("b"))
    assert run.ok("a").enqueued == ["b"]


@pytest.mark.parametrize("event", ["no", "late"])
def test_disapproved_run_fails_without_its_failure_module(event: str) -> None:
    retry = {"constant": {"attempts": 3, "seconds": 1}}
    run = asking(job("a", suspend={"timeout": 9}, retry=retry), job("b"), failure_module=job("failure"))
    run.ok("a")
    getattr(run, event)("a")
    by = "bob" if event == "no" else "timeout"
    assert run.end is not None and run.end.status is Status.FAILED and run.enqueued == []
    assert run.end.result == ThrownOutput(NamedError("SuspendedDisapproved", f"Disapproved by {by}"))
    assert run.marks("a", "b") == ["succeeded", "pending"]


def test_disapproved_run_ends_after_its_running_jobs() -> None:
    run = asking(job("a", free=True, suspend={}), job("b", "a"), job("c", free=True), failure_module=job("failure"))
    run.ok("a")
    assert run.no("a").end is None
    assert run.fail("c").end is not None and run.enqueued == []
    assert isinstance(run.end and run.end.result, ThrownOutput)


@pytest.mark.parametrize("event", ["no", "late"])
def test_suspend_may_continue_after_a_rejection(event: str) -> None:
    run = asking(job("a", suspend={"timeout": 9, "continue_on_disapprove_timeout": True}), job("b"))
    run.ok("a")
    getattr(run, event)("a")
    assert run.enqueued == ["b"] and len(run.found(StoreResume)) == 1


def test_sleep_follows_the_events() -> None:
    run = asking(job("a", suspend={}, sleep=js("s")), job("b"), answers={"s": 7})
    assert run.ok("a").found(SetTimer) == []
    run.yes("a")
    assert run.found(SetTimer) == [SetTimer(0, "wait", 7.0)] and run.enqueued == []
    assert run.due("a").enqueued == ["b"]


def test_sleep_that_throws_does_not_revoke_the_approval() -> None:
    run = asking(job("a", suspend={}, sleep=js("boom")), job("b")).ok("a")
    assert run.send(Approved(0, YES)).enqueued == ["b"]


def test_groups_are_computed_when_the_step_ends() -> None:
    run = asking(job("a", suspend={"user_groups_required": js("g")}), job("b"), answers={"g": ["ops"]})
    assert run.ok("a").found(OpenWait) == [OpenWait(0, (), b'["ops"]')]


def test_condition_and_skipped_step_suspend_as_configured() -> None:
    nodes = [condition("c", "true", suspend={}), job("b", on("c", "true"))]
    run = asking(*nodes)
    assert run.enqueued == [] and run.yes("c").enqueued == ["b"]
    run = asking(job("a", suspend={}, skip_if={"expr": "true"}), job("b"), answers={"previous_result": 1})
    assert run.enqueued == ["b"]


def test_approval_opened_and_closed_in_one_step_is_never_written() -> None:
    nodes = [job("a"), approval("p", on("a", "success"), timeout=5), condition("c", "boom", on("a", "success"))]
    run = asking(*nodes).ok("a")
    assert [run.found(kind) for kind in (OpenWait, CloseWait, SetTimer, DropTimer)] == [[], [], [], []]
    assert run.end is not None and run.end.status is Status.FAILED


def test_failure_module_may_be_an_approval() -> None:
    run = asking(job("a"), failure_module={"id": "failure", "value": {"type": "approval"}})
    run.fail("a")
    assert run.found(OpenWait) == [OpenWait(1)] and run.shown is Status.AWAITING_APPROVAL
    run.send(Approved(1, YES))
    assert run.end is not None and run.end.recovered and run.end.result == OfNode(1)
