"""Nodes whose edges let them begin: as jobs in the queue, or, conditions, decided at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from orvanta_platform.engine import (
    approval,
    condition,
    containers,
    gates,
    node_completion,
    pausing,
    step_debounce,
    waits,
)
from orvanta_platform.engine.effects import Enqueue, EnterGate, Opening, OpenInside, Pause, PutOff, Record
from orvanta_platform.engine.events import Answer, Err
from orvanta_platform.engine.plan import Gate, Kind, Node
from orvanta_platform.engine.readiness import (
    BEGIN,
    Delay,
    Enter,
    Fail,
    Open,
    OpenUp,
    Paused,
    Prepare,
    Succeed,
    Verdict,
    WaitForLater,
)
from orvanta_platform.engine.state import Mark, Phase
from orvanta_platform.engine.step import Step

MAX_TIMEOUT_S = 365 * 86_400.0
"""No time limit of a node is longer: a year."""


def begin(step: Step) -> None:
    """Begin all that is ready, in document order, or ask for what is missing and begin none of it.

    All or none, so that the order in which answers arrive decides nothing.
    """
    verdicts = [(index, _verdict(step, step.plan.node(index))) for index in sorted(step.ready)]
    if step.requests:
        return
    step.ready.clear()
    for index, verdict in verdicts:
        if step.phase in (Phase.FAILING, Phase.STOPPING):
            return
        match verdict:
            case Prepare(timeout_s):
                step.prepared[index] = timeout_s
            case OpenUp(opening, cache_key):
                step.prepared[index] = opening
                if cache_key is not None:
                    step.cache_keys = {**step.cache_keys, index: cache_key}
            case Enter(gate):
                step.prepared[index] = gate
            case WaitForLater(put_off):
                step.prepared[index] = put_off
            case Paused(pause):
                step.prepared[index] = pause
            case Succeed(mark, result, exports, hold, cached):
                if cached is not None:
                    step.effects.append(Record("cached", index, {"run": cached}))
                node_completion.succeed(step, index, exports, mark, result=result, hold=hold)
            case Delay():
                waits.begin_delay(step, index, verdict)
            case Open():
                approval.open_node(step, index, verdict)
            case Fail(error):
                node_completion.fail(step, index, error, retryable=False)


def enqueue(step: Step) -> None:
    """Put what was prepared into the queue, in document order."""
    for index in sorted(step.prepared):
        prepared = step.prepared[index]
        if isinstance(prepared, Opening):
            step.mark(index, Mark.WAITING_CHILDREN)
            step.effects.append(OpenInside(index, prepared))
            continue
        if isinstance(prepared, EnterGate):
            step.mark(index, Mark.WAITING_GATE)
            step.effects.append(prepared)
            continue
        if isinstance(prepared, PutOff):
            step.mark(index, Mark.DEBOUNCING)
            step.effects.append(prepared)
            continue
        if isinstance(prepared, Pause):
            pausing.hold(step, prepared)
            continue
        step.mark(index, Mark.QUEUED)
        step.effects.append(Enqueue(index, prepared, step.failures.get(index, 0)))
    step.prepared.clear()


def _verdict(step: Step, node: Node) -> Verdict | None:
    for before in _BEFORE.get(step.nodes[node.index], ()):
        instead = before(step, node)
        if instead is not BEGIN:
            return instead
    match node.kind:
        case Kind.CONDITION:
            return condition.verdict(step, node)
        case Kind.DELAY:
            return waits.delay(step, node)
        case Kind.APPROVAL:
            return approval.verdict(step, node)
        case Kind.IDENTITY if step.plan.inner:
            return waits.passed_on(step, node)
        case _:
            limited = _job(step, node)
            if node.kind.is_container and isinstance(limited, Prepare):
                return containers.verdict(step, node, limited.timeout_s)
            if node.gate is not None and isinstance(limited, Prepare) and step.nodes[node.index] != Mark.WAITING_GATE:
                return _enter(step, node, node.gate)
            return limited


def _enter(step: Step, node: Node, gate: Gate) -> Verdict | None:
    """In line for the gate; its key is made of what the inputs give at this attempt."""
    key = gates.key(step, gate.key, node.index, step.failures.get(node.index, 0))
    if key is None or isinstance(key, Err):
        return Fail(key) if key else None
    return Enter(EnterGate(node.index, key, gate.limit, gate.window_s))


def _job(step: Step, node: Node) -> Verdict | None:
    """A job with its time limit; None while the expression of that has no answer."""
    source = node.timeout
    if source is None:
        return _NO_LIMIT
    if isinstance(source, dict) and source.get("type") == "static":
        source = source.get("value")
    if not isinstance(source, dict):
        return _limit(source)
    answer = step.ask("timeout", node.index, source, step.failures.get(node.index, 0))
    if isinstance(answer, Answer):
        return _limit(msgspec.json.decode(answer.raw))
    return Fail(answer) if answer else None


def _limit(value: Any) -> Verdict:
    if value is None:
        return _NO_LIMIT
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        return Fail(Err("InvalidTimeout", "timeout must be a number of seconds above 0"))
    return Prepare(min(float(value), MAX_TIMEOUT_S))


_NO_LIMIT = Prepare(None)

_BEFORE: Mapping[int, tuple[Callable[[Step, Node], Verdict | None], ...]] = {
    Mark.PENDING: (waits.skipped, pausing.verdict, waits.mocked, step_debounce.verdict),
    Mark.PAUSED: (pausing.given, waits.mocked, step_debounce.verdict),
}
"""What may keep a node with this mark from beginning, in turn; the others have gone through it."""
