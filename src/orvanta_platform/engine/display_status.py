"""The status of a run as people see it, and why it waits."""

from __future__ import annotations

from dataclasses import dataclass

from orvanta_platform.engine.plan import Node, Plan
from orvanta_platform.engine.state import Mark, Phase, RunState
from orvanta_platform.engine.states import Status


@dataclass(frozen=True, slots=True)
class Shown:
    """`status` is never cancelling: that is running with `canceled`. `reason` says what is waited for."""

    status: Status
    reason: str | None = None
    canceled: bool = False


_TIMED = (Mark.WAITING_TIMER, Mark.DEBOUNCING)
_GOES_ON = (Mark.QUEUED, Mark.RUNNING, *_TIMED, Mark.SLEEPING, Mark.WAITING_GATE, Mark.WAITING_CHILDREN)


def status(plan: Plan, state: RunState, job_started: bool) -> Shown:
    """The status shown. `job_started`: some job of the run has been claimed at least once."""
    if state.phase is Phase.ENDED:
        return Shown(state.status, canceled=state.status is Status.CANCELLED)
    if state.phase is Phase.CANCELLING:
        return Shown(Status.RUNNING, "cancelled: running jobs are being stopped", canceled=True)
    if state.phase is Phase.GATED:
        return Shown(Status.QUEUED, "waits for a limit")
    waits = _waits(plan, state)
    asked = Mark.WAITING_APPROVAL in state.nodes or Mark.SUSPENDED in state.nodes
    goes_on = any(mark in state.nodes for mark in _GOES_ON)
    if asked and not goes_on:
        return Shown(Status.AWAITING_APPROVAL, waits)
    if Mark.PAUSED in state.nodes and not goes_on:
        return Shown(Status.PAUSED, waits)
    if not job_started and not any(mark in state.nodes for mark in _TIMED):
        return Shown(Status.QUEUED, waits)
    return Shown(Status.RUNNING, waits)


_REASONS = (
    (Mark.WAITING_APPROVAL, "awaits approval"),
    (Mark.SUSPENDED, "has ended; what follows awaits approval"),
    (Mark.PAUSED, "is paused"),
    (Mark.WAITING_GATE, "waits for a limit"),
    (Mark.WAITING_TIMER, "waits for its time"),
    (Mark.DEBOUNCING, "waits for later ones of its key"),
    (Mark.SLEEPING, "has ended; what follows waits for its time"),
)


def _waits(plan: Plan, state: RunState) -> str | None:
    """The first node that waits, of the kind of wait that a person can do most about."""
    for mark, text in _REASONS:
        at = state.nodes.find(mark)
        if at >= 0:
            more = state.nodes.count(mark) - 1
            node = plan.node(at)
            retry = f" (attempt {state.failures[at] + 1})" if at in state.failures else ""
            what = f"{node.id} {text}{retry}" if mark != Mark.PAUSED else _pause(state, node)
            return what + (f", {more} more" if more else "")
    return None


def _pause(state: RunState, node: Node) -> str:
    at = state.breakpoints.get(node.number)
    return f"paused before node {node.id}" + (f" by {at.by}" if at is not None else "")
