"""Breakpoints: a node waits before its start until a person resumes it, possibly with other inputs or a result."""

from __future__ import annotations

from msgspec.structs import replace

from orvanta_platform.engine import waits
from orvanta_platform.engine.effects import EndPause, Pause, Record, StoreInputs
from orvanta_platform.engine.events import Continued, NamedError, PauseBefore
from orvanta_platform.engine.plan import Kind, Node
from orvanta_platform.engine.readiness import BEGIN, Paused, Readiness
from orvanta_platform.engine.state import Breakpoint, Mark, RunState
from orvanta_platform.engine.step import Step

_KINDS_WITH_INPUTS = frozenset({Kind.RAWSCRIPT, Kind.SCRIPT, Kind.WEBHOOK, Kind.FLOW})


def takes_inputs(node: Node) -> bool:
    """Return whether the node has inputs that may be changed before it starts."""
    return node.kind in _KINDS_WITH_INPUTS


def takes_result(node: Node) -> bool:
    """Return whether a result may replace the node's own; true for all but approvals."""
    return node.kind is not Kind.APPROVAL


def set_breakpoint(state: RunState, event: PauseBefore) -> tuple[RunState, Record]:
    """Set or remove a breakpoint; a node already paused stays paused.

    A removed breakpoint stays in the state: it records who had set it, and that a node may still be paused.
    """
    updated = Breakpoint(event.by, event.when, event.on)
    kind = "breakpoint_set" if event.on else "breakpoint_removed"
    data = {"by": event.by, **({"if": event.when} if event.when is not None else {})}
    return replace(state, breakpoints={**state.breakpoints, event.node: updated}), Record(kind, event.node, data)


def readiness(step: Step, node: Node) -> Readiness | None:
    """Return the pause of a node that is about to start, or BEGIN; None while its condition has no answer.

    A condition that throws pauses the node.
    """
    at = step.breakpoints.get(node.number)
    if at is None or not at.on:
        return BEGIN
    if at.when is None:
        return Paused(Pause(node.index, at.by))
    answer = step.answer_to("pause", node.index, at.when)
    if answer is None:
        return None
    if isinstance(answer, NamedError):
        return Paused(Pause(node.index, at.by, f"{answer.name}: {answer.message}"))
    return Paused(Pause(node.index, at.by)) if answer.truthy else BEGIN


def pause_node(step: Step, pause: Pause) -> None:
    """Pause the node."""
    step.mark(pause.node, Mark.PAUSED)
    step.effects.append(pause)
    threw = {"threw": pause.threw} if pause.threw is not None else {}
    step.effects.append(Record("paused", pause.node, {"by": pause.by, **threw}))


def resume(step: Step, event: Continued) -> bool:
    """Resume a paused node. False: it is not paused."""
    index = event.node
    if step.nodes[index] != Mark.PAUSED:
        return False
    step.continued_by[index] = event
    step.effects.append(EndPause(index))
    replaced = "result" if event.result is not None else "inputs" if event.inputs is not None else None
    step.effects.append(Record("continued", index, {"by": event.by, **({"with": replaced} if replaced else {})}))
    if event.inputs is not None:
        step.effects.append(StoreInputs(index, event.inputs))
    step.ready.add(index)
    return True


def continued_result(step: Step, node: Node) -> Readiness | None:
    """Return the result passed with the resumption, or BEGIN; None while an answer is missing."""
    event = step.continued_by.get(node.index)
    if event is None or event.result is None:
        return BEGIN
    return waits.succeeded(step, node, waits.mark_of(node, event.result), event.result)
