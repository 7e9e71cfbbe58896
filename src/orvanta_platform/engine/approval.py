"""Approval nodes, and `suspend` after a node: both wait for people, without a job or a worker."""

from __future__ import annotations

from typing import Any

import msgspec

from orvanta_platform.engine import approval_prompt, duration, node_completion, suspending
from orvanta_platform.engine.effects import Export, Record, SetTimer, StoreResume
from orvanta_platform.engine.events import Approved, DeadlineDue, NamedError, Rejected
from orvanta_platform.engine.plan import Consent, Node
from orvanta_platform.engine.readiness import Fail, OpenApproval, Readiness, Reject
from orvanta_platform.engine.state import Mark, Phase
from orvanta_platform.engine.states import Status
from orvanta_platform.engine.step import Step

_WAITING = (Mark.WAITING_APPROVAL, Mark.SUSPENDED)


def readiness(step: Step, node: Node) -> Readiness | None:
    """Return the approval to open, with its message; None while an answer is missing."""
    if node.approval is None:
        return Fail(NamedError("InvalidApproval", "The node has no approval."))
    return approval_prompt.of(step, node, node.approval)


def open_node(step: Step, index: int, opened: OpenApproval) -> None:
    """Open the approval of an approval node."""
    consent = step.plan.node(index).approval
    if consent is not None:
        step.mark(index, Mark.WAITING_APPROVAL)
        suspending.open_wait(step, index, consent, opened.message, form=opened.form, inputs=opened.inputs)


def approved(step: Step, event: Approved) -> bool:
    """Count one more approval. False: the node is not waiting for people."""
    index = event.node
    mark, node = step.nodes[index], step.plan.node(index)
    consent = node.approval if mark == Mark.WAITING_APPROVAL else node.suspend
    if mark not in _WAITING or consent is None:
        return False
    votes = step.votes.get(index, 0) + 1
    if votes < consent.required:
        _record_vote(step, index, votes, event.record, suspended=mark == Mark.SUSPENDED)
        step.effects.append(Record("approved", index, {"votes": votes, "required": consent.required}))
        return True
    if mark == Mark.SUSPENDED:
        return _resume(step, node, consent, event.record, "resumed", {"votes": votes})
    return _approve(step, node, consent, Mark.APPROVED, event.record)


def rejected(step: Step, event: Rejected) -> bool:
    """Apply a rejection. False: the node is not waiting for people."""
    index, node = event.node, step.plan.node(event.node)
    mark = step.nodes[index]
    if mark == Mark.WAITING_APPROVAL and node.approval is not None:
        _reject(step, node, node.approval, rejection_by(event))
        return True
    if mark == Mark.SUSPENDED and node.suspend is not None:
        _disapprove(step, node, node.suspend, event.record, event.by)
        return True
    return False


def deadline(step: Step, event: DeadlineDue) -> bool:
    """Apply a timeout. False: the node is not waiting for people, or waits without a limit."""
    index, node = event.node, step.plan.node(event.node)
    mark = step.nodes[index]
    if mark == Mark.SUSPENDED and node.suspend is not None:
        _disapprove(step, node, node.suspend, event.record, "timeout")
        return True
    if mark != Mark.WAITING_APPROVAL or node.approval is None or node.approval.timeout_s is None:
        return False
    if node.approval.continues:
        return _approve(step, node, node.approval, Mark.TIMEOUT, event.record)
    _reject(step, node, node.approval, rejection_by(event, node.approval.timeout_s))
    return True


def rejection_by(event: Rejected | DeadlineDue, timeout_s: float = 0) -> Reject:
    """Return the rejection of an approval node by a person, or by its timeout."""
    if isinstance(event, DeadlineDue):
        reason = f"Nobody decided within {timeout_s:g} s"
        return Reject((Mark.TIMEOUT_CONTINUED, Mark.TIMED_OUT), event.record, reason)
    reason = f"Rejected by {event.by}" + (f": {event.reason}" if event.reason else "")
    return Reject((Mark.REJECTED_CONTINUED, Mark.REJECTED), event.record, reason)


def settle_status(step: Step) -> None:
    """Set the run to awaiting approval or paused while no node is active, and back to running afterwards."""
    if step.phase not in _ACTIVE_PHASES or step.status is Status.CANCELLING:
        return
    status = _waiting_status(step)
    if status is None and step.status in _WAITING_STATUSES:
        step.set_status(Status.RUNNING)
    elif status is not None and status is not step.status:
        step.set_status(status)


_ACTIVE_PHASES = (Phase.PREPROCESSING, Phase.NORMAL, Phase.FAILURE_MODULE)
_WAITING_STATUSES = (Status.AWAITING_APPROVAL, Status.PAUSED)


def _waiting_status(step: Step) -> Status | None:
    """Return the status of a run in which only people can act; None if a node is active or nothing waits."""
    if step.has_active_nodes():
        return None
    if any(mark in step.nodes for mark in _WAITING):
        return Status.AWAITING_APPROVAL
    return Status.PAUSED if Mark.PAUSED in step.nodes else None


def _record_vote(step: Step, index: int, votes: int, record: bytes, *, suspended: bool) -> None:
    step.votes = {**step.votes, index: votes}
    if suspended:
        step.effects.append(StoreResume(index, votes, record))


def _approve(step: Step, node: Node, consent: Consent, mark: Mark, record: bytes) -> bool:
    """End the approval node as approved, unless one of its expressions throws."""
    exports, hold = (
        node_completion.exports(step, node, result=record),
        node_completion.hold_of_edges(step, node, result=record),
    )
    if exports is None or hold is None:
        return True
    suspending.close_wait(step, node.index, consent)
    step.votes = {each: votes for each, votes in step.votes.items() if each != node.index}
    if isinstance(exports, NamedError):
        node_completion.fail(step, node.index, exports, retryable=False)
    elif isinstance(hold, NamedError):
        node_completion.fail(step, node.index, hold, retryable=False)
    else:
        own = ((node.id, record), *exports)
        step.effects.append(Record("approval_decided", node.index, {"outcome": mark.name.lower()}))
        node_completion.succeed(step, node.index, own, mark, result=record, hold=hold)
    return True


def _reject(step: Step, node: Node, consent: Consent, rejection: Reject) -> None:
    """Close the wait of the approval node, and end it as failed."""
    suspending.close_wait(step, node.index, consent)
    step.votes = {each: votes for each, votes in step.votes.items() if each != node.index}
    step.effects.append(Record("approval_decided", node.index, {"outcome": rejection.marks[1].name.lower()}))
    end_rejected(step, node, rejection)


def end_rejected(step: Step, node: Node, rejection: Reject) -> None:
    """End the approval node as failed, which an edge on failure, rejected or timeout may handle."""
    error = NamedError("Rejected", rejection.reason)
    fields = msgspec.json.decode(rejection.record, type=dict[str, msgspec.Raw])
    summary = {"name": error.name, "message": error.message, "step_id": node.id}
    result = msgspec.json.encode({"error": summary, **fields})
    step.effects.append(Export(node.index, node.id, rejection.record))
    node_completion.fail_for_good(step, node, error, rejection.marks, result=result)


def _disapprove(step: Step, node: Node, consent: Consent, record: bytes, by: str) -> None:
    """End the run as failed, without retries and failure module, unless `suspend` lets it continue."""
    if consent.continues:
        _resume(step, node, consent, record, "disapproved", {"by": by})
        return
    suspending.close_wait(step, node.index, consent)
    step.effects.append(Record("disapproved", node.index, {"by": by}))
    suspending.disapprove(step, NamedError("SuspendedDisapproved", f"Disapproved by {by}"))
    step.release(node.index)
    step.stop_starting(stop=False)


def _resume(step: Step, node: Node, consent: Consent, record: bytes, kind: str, data: dict[str, Any]) -> bool:
    """Open the edges after a resume, possibly after a sleep. Always True: missing answers are requested first."""
    answer = None if node.sleep is None else step.answer_to("sleep", node.index, node.sleep)
    if step.requests:
        return True
    suspending.close_wait(step, node.index, consent)
    _record_vote(step, node.index, step.votes.get(node.index, 0) + 1, record, suspended=True)
    step.effects.append(Record(kind, node.index, data))
    wait_s: float | NamedError = 0.0
    if answer is not None:
        wait_s = (
            answer if isinstance(answer, NamedError) else duration.of(answer, "InvalidSleep", "The seconds of a sleep")
        )
    if isinstance(wait_s, NamedError):
        # The step has succeeded and its approval was granted, so an error of its sleep cannot fail either.
        step.effects.append(Record("sleep_threw", node.index, {"name": wait_s.name, "message": wait_s.message}))
    elif wait_s > 0:
        step.mark(node.index, Mark.SLEEPING)
        step.effects.append(SetTimer(node.index, "wait", wait_s))
        return True
    step.release(node.index)
    return True
