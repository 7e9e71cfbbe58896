"""Waits without a job: skip_if and mock before a node starts, delay nodes, and sleep after success."""

from __future__ import annotations

import msgspec

from orvanta_platform.engine import duration, node_completion
from orvanta_platform.engine.effects import Record, SetTimer
from orvanta_platform.engine.events import Answer, NamedError
from orvanta_platform.engine.plan import Kind, Node
from orvanta_platform.engine.readiness import BEGIN, Delay, Fail, Readiness, Succeed
from orvanta_platform.engine.state import Mark
from orvanta_platform.engine.step import Step


def skipped(step: Step, node: Node) -> Readiness | None:
    """Evaluate skip_if. BEGIN: the node starts; None: an answer is missing."""
    if node.skip_if is None:
        return BEGIN
    answer = step.answer_to("skip_if", node.index, node.skip_if)
    if answer is None:
        return None
    if isinstance(answer, NamedError):
        return Fail(answer)
    return _skipped_result(step, node) if answer.truthy else BEGIN


def mocked(step: Step, node: Node) -> Readiness | None:
    """Apply a mock. BEGIN: the node has none; None: an answer is missing."""
    return BEGIN if node.mock is None else succeeded(step, node, mark_of(node, node.mock), node.mock)


def delay(step: Step, node: Node) -> Readiness | None:
    """Evaluate a delay; once it is over its result is previous_result. None while an answer is missing."""
    if step.nodes[node.index] == Mark.WAITING_TIMER:
        return _pass_previous(step, node)
    if node.delay is None:
        return Fail(NamedError("InvalidDelay", "A delay needs seconds or until."))
    kind, source = node.delay
    answer = step.answer_to("seconds" if kind == "seconds" else "until", node.index, source)
    if answer is None:
        return None
    if isinstance(answer, NamedError):
        return Fail(answer)
    value = msgspec.json.decode(answer.raw)
    if kind == "until" and isinstance(value, str):
        return Delay(until=value)
    wait_s = duration.seconds(value, "InvalidDelay", "The seconds of a delay")
    if isinstance(wait_s, NamedError):
        return Fail(wait_s)
    return Delay(wait_s) if wait_s > 0 else _pass_previous(step, node)


def begin_delay(step: Step, index: int, wait: Delay) -> None:
    """Start the timer of a delay node; it needs no job and no worker."""
    step.wait(index)
    step.effects.append(SetTimer(index, "wait", wait.seconds, wait.until))
    step.effects.append(Record("delay", index, {"seconds": wait.seconds, "until": wait.until}))


def succeeded(step: Step, node: Node, mark: Mark, result: bytes) -> Readiness | None:
    """Complete a node without a job with `result`, its exports, and the wait of its edges."""
    exports = node_completion.exports(step, node, result=result)
    hold = node_completion.hold_of_edges(step, node, result=result)
    if exports is None or hold is None:
        return None
    if isinstance(exports, NamedError):
        return Fail(exports)
    return Fail(hold) if isinstance(hold, NamedError) else Succeed(mark, result, exports, hold)


def pass_through(step: Step, node: Node) -> Readiness | None:
    """Evaluate an identity inside a loop or branch: its result is previous_result, without a job."""
    return _pass_previous(step, node)


def _pass_previous(step: Step, node: Node) -> Readiness | None:
    previous = step.answer_to("pass", node.index, "previous_result")
    if not isinstance(previous, Answer):
        return None if previous is None else Fail(previous)
    return succeeded(step, node, Mark.SUCCEEDED, previous.raw)


def _skipped_result(step: Step, node: Node) -> Readiness | None:
    """Skip a node by skip_if: it acts as identity, exports nothing, and neither holds edges nor stops the list."""
    previous = step.answer_to("pass", node.index, "previous_result")
    if not isinstance(previous, Answer):
        return None if previous is None else Fail(previous)
    return Succeed(Mark.PASSED, previous.raw, ())


def mark_of(node: Node, raw: bytes) -> Mark:
    """Return the mark of a node that succeeded with a result (JSON text) that it did not compute itself."""
    if node.kind is not Kind.CONDITION:
        return Mark.SUCCEEDED
    value = msgspec.json.decode(raw)
    return Mark.TRUE if value or isinstance(value, list | dict) else Mark.FALSE
