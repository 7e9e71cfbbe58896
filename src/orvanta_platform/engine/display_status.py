"""Status of a run as shown to users, and the reason why it waits."""

from __future__ import annotations

import msgspec

from orvanta_platform.engine.plan import Node, Plan
from orvanta_platform.engine.state import Mark, Phase, RunState
from orvanta_platform.engine.states import Status


class DisplayStatus(msgspec.Struct, frozen=True):
    """Status shown to users."""

    status: Status
    """Never cancelling: a run being cancelled is shown as running with `canceled`."""
    reason: str | None = None
    """Reason why the run waits."""
    canceled: bool = False


_TIMED = (Mark.WAITING_TIMER, Mark.DEBOUNCING)
_ACTIVE = (Mark.QUEUED, Mark.RUNNING, *_TIMED, Mark.SLEEPING, Mark.WAITING_GATE, Mark.WAITING_CHILDREN)


def status(plan: Plan, state: RunState, job_started: bool) -> DisplayStatus:
    """Return the status to show. `job_started` is true once any job of the run has been claimed."""
    if state.phase is Phase.ENDED:
        return DisplayStatus(state.status, canceled=state.status is Status.CANCELLED)
    if state.phase is Phase.CANCELLING:
        return DisplayStatus(Status.RUNNING, "cancelled: running jobs are being stopped", canceled=True)
    if state.phase is Phase.GATED:
        return DisplayStatus(Status.QUEUED, "waits for a concurrency limit")
    reason = _waiting_reason(plan, state)
    needs_people = Mark.WAITING_APPROVAL in state.nodes or Mark.SUSPENDED in state.nodes
    is_active = any(mark in state.nodes for mark in _ACTIVE)
    if needs_people and not is_active:
        return DisplayStatus(Status.AWAITING_APPROVAL, reason)
    if Mark.PAUSED in state.nodes and not is_active:
        return DisplayStatus(Status.PAUSED, reason)
    if not job_started and not any(mark in state.nodes for mark in _TIMED):
        return DisplayStatus(Status.QUEUED, reason)
    return DisplayStatus(Status.RUNNING, reason)


_REASONS_BY_MARK = (
    (Mark.WAITING_APPROVAL, "awaits approval"),
    (Mark.SUSPENDED, "succeeded; its downstream nodes await approval"),
    (Mark.PAUSED, "is paused"),
    (Mark.WAITING_GATE, "waits for a concurrency limit"),
    (Mark.WAITING_TIMER, "waits for its timer"),
    (Mark.DEBOUNCING, "waits for later nodes with the same key"),
    (Mark.SLEEPING, "succeeded; its downstream nodes wait for its sleep"),
)


def _waiting_reason(plan: Plan, state: RunState) -> str | None:
    """Return the reason of the first waiting node, preferring the kinds of wait that a person can end."""
    for mark, text in _REASONS_BY_MARK:
        at = state.nodes.find(mark)
        if at >= 0:
            more = state.nodes.count(mark) - 1
            node = plan.node(at)
            retry = f" (attempt {state.failures[at] + 1})" if at in state.failures else ""
            description = f"{node.id} {text}{retry}" if mark != Mark.PAUSED else _pause_reason(state, node)
            return description + (f", {more} more" if more else "")
    return None


def _pause_reason(state: RunState, node: Node) -> str:
    at = state.breakpoints.get(node.number)
    return f"paused before node {node.id}" + (f" by {at.by}" if at is not None else "")
