"""Starting nodes that are ready: as jobs in the queue, or, for conditions, decided immediately."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from orvanta_platform.engine import (
    approval,
    containers,
    dry_run,
    gates,
    node_completion,
    pausing,
    step_debounce,
    waits,
)
from orvanta_platform.engine.effects import Enqueue, EnterDebounce, EnterGate, Opening, OpenInside, Pause, Record
from orvanta_platform.engine.events import Answer, NamedError
from orvanta_platform.engine.plan import Gate, Kind, Node
from orvanta_platform.engine.readiness import (
    BEGIN,
    Delay,
    Enter,
    Fail,
    OpenApproval,
    OpenBodies,
    Paused,
    Prepare,
    Readiness,
    Reject,
    Simulate,
    StartDebounce,
    Succeed,
)
from orvanta_platform.engine.state import Mark, Phase
from orvanta_platform.engine.step import Step

MAX_TIMEOUT_S = 365 * 86_400.0
"""Maximum time limit of a node: one year."""


def begin(step: Step) -> None:
    """Start all ready nodes, in document order, or ask for missing answers and start none.

    All or none, so that the order in which answers arrive has no influence.
    """
    verdicts = [(index, _readiness(step, step.plan.node(index))) for index in sorted(step.ready)]
    if step.requests:
        return
    step.ready.clear()
    for index, verdict in verdicts:
        if step.phase in (Phase.FAILING, Phase.STOPPING):
            return
        match verdict:
            case Prepare(timeout_s):
                step.prepared[index] = timeout_s
            case OpenBodies(opening, cache_key):
                step.prepared[index] = opening
                if cache_key is not None:
                    step.cache_keys = {**step.cache_keys, index: cache_key}
            case Enter(gate):
                step.prepared[index] = gate
            case StartDebounce(debounce):
                step.prepared[index] = debounce
            case Paused(pause):
                step.prepared[index] = pause
            case Delay():
                waits.begin_delay(step, index, verdict)
            case OpenApproval():
                approval.open_node(step, index, verdict)
            case Simulate(attempts, outcome):
                step.effects += attempts
                _end_without_job(step, index, outcome)
            case Succeed() | Fail():
                _end_without_job(step, index, verdict)


def _end_without_job(step: Step, index: int, outcome: Succeed | Fail | Reject) -> None:
    match outcome:
        case Succeed(mark, result, exports, hold, cached):
            if cached is not None:
                step.effects.append(Record("cached", index, {"run": cached}))
            node_completion.succeed(step, index, exports, mark, result=result, hold=hold)
        case Fail(error):
            node_completion.fail(step, index, error, retryable=False)
        case Reject():
            approval.end_rejected(step, step.plan.node(index), outcome)


def enqueue(step: Step) -> None:
    """Queue the prepared nodes, in document order."""
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
        if isinstance(prepared, EnterDebounce):
            step.mark(index, Mark.DEBOUNCING)
            step.effects.append(prepared)
            continue
        if isinstance(prepared, Pause):
            pausing.pause_node(step, prepared)
            continue
        step.mark(index, Mark.QUEUED)
        step.effects.append(Enqueue(index, prepared, step.failures.get(index, 0)))
    step.prepared.clear()


def _readiness(step: Step, node: Node) -> Readiness | None:
    for check in _CHECKS_BEFORE_START.get(step.nodes[node.index], ()):
        verdict = check(step, node)
        if verdict is not BEGIN:
            return verdict
    match node.kind:
        case Kind.CONDITION:
            return _decide_condition(step, node)
        case Kind.DELAY:
            return waits.delay(step, node)
        case Kind.APPROVAL:
            return approval.readiness(step, node)
        case Kind.IDENTITY if step.plan.inner:
            return waits.pass_through(step, node)
        case _:
            limited = _job(step, node)
            if node.kind.is_container and isinstance(limited, Prepare):
                return containers.readiness(step, node, limited.timeout_s)
            if node.gate is not None and isinstance(limited, Prepare) and step.nodes[node.index] != Mark.WAITING_GATE:
                return _enter(step, node, node.gate)
            return limited


def _enter(step: Step, node: Node, gate: Gate) -> Readiness | None:
    """Queue the node for its permit; the key is computed from the inputs of this attempt."""
    key = gates.key(step, gate.key, node.index, step.failures.get(node.index, 0))
    if key is None or isinstance(key, NamedError):
        return Fail(key) if key else None
    return Enter(EnterGate(node.index, key, gate.limit, gate.window_s))


def _job(step: Step, node: Node) -> Readiness | None:
    """Return a job with its time limit; None while its expression has no answer."""
    source = node.timeout
    if source is None:
        return _NO_LIMIT
    if isinstance(source, dict) and source.get("type") == "static":
        source = source.get("value")
    if not isinstance(source, dict):
        return _limit(source)
    answer = step.answer_to("timeout", node.index, source, step.failures.get(node.index, 0))
    if isinstance(answer, Answer):
        return _limit(msgspec.json.decode(answer.raw))
    return Fail(answer) if answer else None


def _limit(value: Any) -> Readiness:
    if value is None:
        return _NO_LIMIT
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        return Fail(NamedError("InvalidTimeout", "timeout must be a number of seconds above 0"))
    return Prepare(min(float(value), MAX_TIMEOUT_S))


_NO_LIMIT = Prepare(None)

_CHECKS_BEFORE_START: Mapping[int, tuple[Callable[[Step, Node], Readiness | None], ...]] = {
    Mark.PENDING: (waits.skipped, pausing.readiness, waits.mocked, dry_run.readiness, step_debounce.readiness),
    Mark.PAUSED: (pausing.continued_result, waits.mocked, dry_run.readiness, step_debounce.readiness),
}
"""Checks that may prevent a node with this mark from starting, in order; a node with another mark has passed them."""


def _decide_condition(step: Step, node: Node) -> Readiness | None:
    """Return true or false, with the boolean as result; Fail if the condition threw; None while it is unanswered."""
    answer = step.answer_to("condition", node.index, node.condition)
    if answer is None:
        return None
    if isinstance(answer, NamedError):
        return Fail(answer)
    mark, result = (Mark.TRUE, b"true") if answer.truthy else (Mark.FALSE, b"false")
    return waits.succeeded(step, node, mark, result)
