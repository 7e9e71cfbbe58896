"""Breakpoints: a node that would begin waits until somebody lets it go on, perhaps with other inputs or a result."""

from __future__ import annotations

from dataclasses import replace

from orvanta_platform.engine import waits
from orvanta_platform.engine.effects import GoOn, KeepInputs, Pause, Record
from orvanta_platform.engine.events import Continued, Err, PauseBefore
from orvanta_platform.engine.plan import Kind, Node
from orvanta_platform.engine.readiness import BEGIN, Paused, Verdict
from orvanta_platform.engine.state import Breakpoint, Mark, RunState
from orvanta_platform.engine.step import Step

_WITH_INPUTS = frozenset({Kind.RAWSCRIPT, Kind.SCRIPT, Kind.WEBHOOK, Kind.FLOW})


def takes_inputs(node: Node) -> bool:
    """Whether the node has inputs that may be changed before it begins."""
    return node.kind in _WITH_INPUTS


def takes_result(node: Node) -> bool:
    """Whether a result may stand for the node's own: for all but what people decide."""
    return node.kind is not Kind.APPROVAL


def set_breakpoint(state: RunState, event: PauseBefore) -> tuple[RunState, Record]:
    """The run pauses before a node from now on, or no longer; what is paused there already stays so.

    One that was taken back stays in the state: it tells who had set it, and that something may still be paused.
    """
    made = Breakpoint(event.by, event.when, event.on)
    kind = "breakpoint_set" if event.on else "breakpoint_removed"
    data = {"by": event.by, **({"if": event.when} if event.when is not None else {})}
    return replace(state, breakpoints={**state.breakpoints, event.node: made}), Record(kind, event.node, data)


def verdict(step: Step, node: Node) -> Verdict | None:
    """The pause of a node that would begin, or BEGIN; None while its condition has no answer.

    A condition that throws is no reason to run past it.
    """
    at = step.breakpoints.get(node.number)
    if at is None or not at.on:
        return BEGIN
    if at.when is None:
        return Paused(Pause(node.index, at.by))
    answer = step.ask("pause", node.index, at.when)
    if answer is None:
        return None
    if isinstance(answer, Err):
        return Paused(Pause(node.index, at.by, f"{answer.name}: {answer.message}"))
    return Paused(Pause(node.index, at.by)) if answer.truthy else BEGIN


def hold(step: Step, pause: Pause) -> None:
    """The node waits for somebody."""
    step.mark(pause.node, Mark.PAUSED)
    step.effects.append(pause)
    threw = {"threw": pause.threw} if pause.threw is not None else {}
    step.effects.append(Record("paused", pause.node, {"by": pause.by, **threw}))


def continued(step: Step, event: Continued) -> bool:
    """Somebody let the node go on. False: it is not paused."""
    index = event.node
    if step.nodes[index] != Mark.PAUSED:
        return False
    step.given[index] = event
    step.effects.append(GoOn(index))
    with_what = "result" if event.result is not None else "inputs" if event.inputs is not None else None
    step.effects.append(Record("continued", index, {"by": event.by, **({"with": with_what} if with_what else {})}))
    if event.inputs is not None:
        step.effects.append(KeepInputs(index, event.inputs))
    step.ready.add(index)
    return True


def given(step: Step, node: Node) -> Verdict | None:
    """What becomes of a node that goes on: the result that was given, or BEGIN; None while an answer is missing."""
    event = step.given.get(node.index)
    if event is None or event.result is None:
        return BEGIN
    return waits.succeeded(step, node, waits.mark_of(node, event.result), event.result)
