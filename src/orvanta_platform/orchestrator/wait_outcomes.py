"""Engine events of nodes that wait without a job: fired timers, approval decisions, cancellations."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform import clock
from orvanta_platform.db import approvals
from orvanta_platform.db.approvals import DecisionRow
from orvanta_platform.db.jobs import LiveJob
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine.events import (
    Approved,
    Continued,
    DeadlineDue,
    DebounceElapsed,
    Event,
    Failed,
    HandedOver,
    JobCancelled,
    PauseBefore,
    Rejected,
    RunTimedOut,
    TimerDue,
    WorkerLost,
)
from orvanta_platform.engine.plan import Kind, Node, Plan
from orvanta_platform.engine.state import Mark, RunState
from orvanta_platform.errors import InvalidInput
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.orchestrator import inbox, inputs
from orvanta_platform.orchestrator.inbox import CancelJob, InboxEvent, JobLost, NodeDue
from orvanta_platform.orchestrator.view import job_id

AWAITING_DECISION = (Mark.WAITING_APPROVAL, Mark.SUSPENDED)
_CANCELLABLE_WITHOUT_JOB = (Mark.WAITING_TIMER, Mark.WAITING_APPROVAL, Mark.WAITING_GATE, Mark.DEBOUNCING, Mark.PAUSED)
_WITHOUT_JOB = (Kind.DELAY, Kind.APPROVAL)
DISAPPROVED = "SuspendedDisapproved"


async def find_decision_event(
    connection: Connection,
    evaluator: Evaluator,
    plan: Plan,
    run: UUID,
    state: RunState,
    decision: DecisionRow,
    frame: UUID | None = None,
) -> Event | None:
    """Return Approved or Rejected for the decision's node; None if that node does not wait for one now."""
    job = decision.job
    if job == run:
        # A decision on the run counts for its oldest waiting node that does not require a login.
        opened = await approvals.list_open_of_run(connection, run)
        candidates = [
            (find_waiting_node(plan, run, state, each.job, AWAITING_DECISION, frame), each.form) for each in opened
        ]
        index = None
        for at, form in candidates:
            if at is not None and await _applies_to_all(evaluator, plan.node(at), form, decision):
                index = at
                break
    else:
        index = find_waiting_node(plan, run, state, job, AWAITING_DECISION, frame)
    if index is None:
        return None
    return decision_event(index, decision, approval=state.nodes[index] == Mark.WAITING_APPROVAL)


def decision_event(index: int, decision: DecisionRow, *, approval: bool) -> Event:
    """Return the event of a decision on an approval, otherwise on a suspended node."""
    record = _approval(decision) if approval else _resume(decision)
    return Approved(index, record) if decision.approved else Rejected(index, record, decision.approver, decision.reason)


def run_event(event: inbox.RunEvent, run: RunRow) -> RunTimedOut | WorkerLost | PauseBefore:
    """Return the event of a run as a whole."""
    if isinstance(event, inbox.PauseBefore):
        return PauseBefore(event.node, event.by, event.when, event.on)
    return RunTimedOut(run.timeout_s or 0) if isinstance(event, inbox.TimeoutDue) else WorkerLost()


def wait_end_event(
    plan: Plan, run: UUID, state: RunState, event: NodeDue | inbox.WaitEvent, frame: UUID | None = None
) -> Event | None:
    """Return the event that ends a wait, by a timer, a later node or a person; None if the node no longer waits."""
    if isinstance(event, inbox.Continued):
        index = find_waiting_node(plan, run, state, event.job, (Mark.PAUSED,), frame)
        texts = (text.encode() if text is not None else None for text in (event.inputs, event.result))
        return None if index is None else Continued(index, event.by, *texts)
    if not isinstance(event, NodeDue):
        index = find_waiting_node(plan, run, state, event.job, (Mark.DEBOUNCING,), frame)
        if index is None:
            return None
        return DebounceElapsed(index) if isinstance(event, inbox.DebounceElapsed) else HandedOver(index, str(event.by))
    if event.kind == "deadline":
        index = find_waiting_node(plan, run, state, event.job, AWAITING_DECISION, frame)
        approval = index is not None and state.nodes[index] == Mark.WAITING_APPROVAL
        return None if index is None else deadline_event(index, clock.now(), approval=approval)
    index = find_waiting_node(plan, run, state, event.job, (Mark.WAITING_TIMER, Mark.SLEEPING), frame)
    return None if index is None else TimerDue(index)


def cancel_event(plan: Plan, run: UUID, state: RunState, event: InboxEvent, frame: UUID | None = None) -> Event | None:
    """Return JobCancelled for a waiting node without a job that was cancelled; None for other events."""
    if not isinstance(event, CancelJob):
        return None
    index = find_waiting_node(plan, run, state, event.job, _CANCELLABLE_WITHOUT_JOB, frame)
    if index is None:
        return None
    node, unstarted = plan.node(index), state.nodes[index] in (Mark.DEBOUNCING, Mark.PAUSED)
    if node.gate is None and node.kind not in _WITHOUT_JOB and not unstarted:
        return None
    return JobCancelled(index, event.reason)


def job_lost_event(index: int, job: LiveJob, event: JobLost, *, cancelled: bool) -> Event | None:
    """Return the event of a job whose worker was lost once too often, or in a `cancelled` run; None if it is late."""
    if (job.state, job.attempt, job.generation) != ("running", event.attempt, event.generation):
        return None
    if cancelled:
        return JobCancelled(index)
    message = f"Its worker or sandbox was lost {event.losses} times while it ran; it is not restarted."
    return Failed(index, "worker_lost", message, retryable=False)


def deadline_event(index: int, at: datetime, *, approval: bool) -> Event:
    """Return the event of an approval, otherwise of a suspended node, that timed out."""
    if approval:
        fields: dict[str, Any] = {"decision": "timeout", "by": None, "at": at, "reason": None, "form": None}
    else:
        error = {"name": DISAPPROVED, "message": "Disapproved by timeout"}
        fields = {"value": {"error": error}, "approver": None, "resume_id": None, "at": at}
    return DeadlineDue(index, msgspec.json.encode(fields))


async def _applies_to_all(evaluator: Evaluator, node: Node, form: str | None, decision: DecisionRow) -> bool:
    consent = node.approval or node.suspend
    if consent is None or consent.needs_login:
        return False
    try:
        schema = msgspec.json.decode(form) if form is not None else consent.form
        if decision.approved and schema is not None:
            await inputs.check(evaluator, schema, decision.payload.encode())
    except InvalidInput:
        return False
    return True


def _approval(decision: DecisionRow) -> bytes:
    return msgspec.json.encode(
        {
            "decision": "approved" if decision.approved else "rejected",
            "by": decision.approver,
            "at": decision.at,
            "reason": decision.reason,
            "form": msgspec.Raw(decision.payload.encode()),
        }
    )


def _resume(decision: DecisionRow) -> bytes:
    error = {"name": DISAPPROVED, "message": f"Disapproved by {decision.approver}"}
    value = msgspec.Raw(decision.payload.encode()) if decision.approved else {"error": error}
    return msgspec.json.encode(
        {"value": value, "approver": decision.approver, "resume_id": decision.resume_id, "at": decision.at}
    )


def find_waiting_node(
    plan: Plan, run: UUID, state: RunState, job: UUID, marks: tuple[Mark, ...], frame: UUID | None = None
) -> int | None:
    """Return the index of the node with this id if it has one of these marks."""
    found = (at for at, mark in enumerate(state.nodes) if mark in marks and job_id(plan, run, at, frame) == job)
    return next(found, None)
