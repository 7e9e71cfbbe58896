"""Waits for people: the approval node, and `suspend` after a step. No job and no worker while it is open."""

from __future__ import annotations

from typing import Any

import msgspec

from orvanta_platform.engine import approval_prompt, duration, node_completion, suspending
from orvanta_platform.engine.effects import Export, KeepResume, Record, SetTimer
from orvanta_platform.engine.events import Approved, DeadlineDue, Err, Rejected
from orvanta_platform.engine.plan import Consent, Node
from orvanta_platform.engine.readiness import Fail, Open, Verdict
from orvanta_platform.engine.state import Mark, Phase
from orvanta_platform.engine.states import Status
from orvanta_platform.engine.step import Step

_WAITING = (Mark.WAITING_APPROVAL, Mark.SUSPENDED)


def verdict(step: Step, node: Node) -> Verdict | None:
    """The approval opens, with its message; None while an answer is missing."""
    if node.approval is None:
        return Fail(Err("InvalidApproval", "The node has no approval."))
    return approval_prompt.of(step, node, node.approval)


def open_node(step: Step, index: int, opened: Open) -> None:
    """An approval node begins to wait."""
    consent = step.plan.node(index).approval
    if consent is not None:
        step.mark(index, Mark.WAITING_APPROVAL)
        suspending.open_wait(step, index, consent, opened.message, form=opened.form)


def approved(step: Step, event: Approved) -> bool:
    """One more person agreed. False: nobody is asked any more."""
    index = event.node
    mark, node = step.nodes[index], step.plan.node(index)
    consent = node.approval if mark == Mark.WAITING_APPROVAL else node.suspend
    if mark not in _WAITING or consent is None:
        return False
    votes = step.votes.get(index, 0) + 1
    if votes < consent.required:
        _count(step, index, votes, event.record, suspended=mark == Mark.SUSPENDED)
        step.effects.append(Record("approved", index, {"votes": votes, "required": consent.required}))
        return True
    if mark == Mark.SUSPENDED:
        return _resume(step, node, consent, event.record, "resumed", {"votes": votes})
    return _agree(step, node, consent, Mark.APPROVED, event.record)


def rejected(step: Step, event: Rejected) -> bool:
    """Somebody said no. False: nobody is asked any more."""
    index, node = event.node, step.plan.node(event.node)
    mark = step.nodes[index]
    if mark == Mark.WAITING_APPROVAL and node.approval is not None:
        why = f"Rejected by {event.by}" + (f": {event.reason}" if event.reason else "")
        _refuse(step, node, node.approval, (Mark.REJECTED_CONTINUED, Mark.REJECTED), event.record, why)
        return True
    if mark == Mark.SUSPENDED and node.suspend is not None:
        _disapprove(step, node, node.suspend, event.record, event.by)
        return True
    return False


def deadline(step: Step, event: DeadlineDue) -> bool:
    """Nobody answered in time. False: somebody did."""
    index, node = event.node, step.plan.node(event.node)
    mark = step.nodes[index]
    if mark == Mark.SUSPENDED and node.suspend is not None:
        _disapprove(step, node, node.suspend, event.record, "timeout")
        return True
    if mark != Mark.WAITING_APPROVAL or node.approval is None:
        return False
    if node.approval.goes_on:
        return _agree(step, node, node.approval, Mark.TIMEOUT, event.record)
    why = f"Nobody decided within {node.approval.timeout_s:g} s"
    _refuse(step, node, node.approval, (Mark.TIMEOUT_CONTINUED, Mark.TIMED_OUT), event.record, why)
    return True


def settle_status(step: Step) -> None:
    """The run awaits approval, or is paused, while nothing else goes on, and runs again afterwards."""
    if step.phase not in _PEOPLE_IN or step.status is Status.CANCELLING:
        return
    status = _for_people(step)
    if status is None and step.status in _FOR_PEOPLE:
        step.turn(Status.RUNNING)
    elif status is not None and status is not step.status:
        step.turn(status)


_PEOPLE_IN = (Phase.PREPROCESSING, Phase.NORMAL, Phase.FAILURE_MODULE)
_FOR_PEOPLE = (Status.AWAITING_APPROVAL, Status.PAUSED)


def _for_people(step: Step) -> Status | None:
    """What the run waits for people as; None where something goes on without them, or nobody is waited for."""
    if step.goes_on():
        return None
    if any(mark in step.nodes for mark in _WAITING):
        return Status.AWAITING_APPROVAL
    return Status.PAUSED if Mark.PAUSED in step.nodes else None


def _count(step: Step, index: int, votes: int, record: bytes, *, suspended: bool) -> None:
    step.votes = {**step.votes, index: votes}
    if suspended:
        step.effects.append(KeepResume(index, votes, record))


def _agree(step: Step, node: Node, consent: Consent, mark: Mark, record: bytes) -> bool:
    """The approval node ends well, unless an expression of it throws."""
    exports, hold = node_completion.exports(step, node, result=record), node_completion.hold(step, node, result=record)
    if exports is None or hold is None:
        return True
    suspending.close_wait(step, node.index, consent)
    step.votes = {each: votes for each, votes in step.votes.items() if each != node.index}
    if isinstance(exports, Err):
        node_completion.fail(step, node.index, exports, retryable=False)
    elif isinstance(hold, Err):
        node_completion.fail(step, node.index, hold, retryable=False)
    else:
        own = ((node.id, record), *exports)
        step.effects.append(Record("approval_decided", node.index, {"outcome": mark.name.lower()}))
        node_completion.succeed(step, node.index, own, mark, result=record, hold=hold)
    return True


def _refuse(step: Step, node: Node, consent: Consent, marks: tuple[Mark, Mark], record: bytes, why: str) -> None:
    """The approval node ends as a failure, which an edge on failure, rejected or timeout may handle."""
    error = Err("Rejected", why)
    fields = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
    told = {"name": error.name, "message": error.message, "step_id": node.id}
    result = msgspec.json.encode({"error": told, **fields})
    suspending.close_wait(step, node.index, consent)
    step.votes = {each: votes for each, votes in step.votes.items() if each != node.index}
    step.effects.append(Record("approval_decided", node.index, {"outcome": marks[1].name.lower()}))
    step.effects.append(Export(node.index, node.id, record))
    node_completion.fail_for_good(step, node, error, marks, result=result)


def _disapprove(step: Step, node: Node, consent: Consent, record: bytes, by: str) -> None:
    """The run ends failed, without retries and failure module; or goes on where `suspend` says so."""
    if consent.goes_on:
        _resume(step, node, consent, record, "disapproved", {"by": by})
        return
    suspending.close_wait(step, node.index, consent)
    step.effects.append(Record("disapproved", node.index, {"by": by}))
    suspending.disapprove(step, Err("SuspendedDisapproved", f"Disapproved by {by}"))
    step.release(node.index)
    step.stop_starting(stop=False)


def _resume(step: Step, node: Node, consent: Consent, record: bytes, kind: str, data: dict[str, Any]) -> bool:
    """The events have come: the edges open, or sleep first. Always True: what is missing is asked before all else."""
    answer = None if node.sleep is None else step.ask("sleep", node.index, node.sleep)
    if step.requests:
        return True
    suspending.close_wait(step, node.index, consent)
    _count(step, node.index, step.votes.get(node.index, 0) + 1, record, suspended=True)
    step.effects.append(Record(kind, node.index, data))
    wait_s: float | Err = 0.0
    if answer is not None:
        wait_s = answer if isinstance(answer, Err) else duration.of(answer, "InvalidSleep", "The seconds of a sleep")
    if isinstance(wait_s, Err):
        # The step has succeeded and its approval is given: what is wrong with its sleep can fail neither.
        step.effects.append(Record("sleep_threw", node.index, {"name": wait_s.name, "message": wait_s.message}))
    elif wait_s > 0:
        step.mark(node.index, Mark.SLEEPING)
        step.effects.append(SetTimer(node.index, "wait", wait_s))
        return True
    step.release(node.index)
    return True
