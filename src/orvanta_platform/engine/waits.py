"""Waits that need no job: skip_if and mock before a node begins, delay instead of one, sleep after it succeeded."""

from __future__ import annotations

import msgspec

from orvanta_platform.engine import duration, node_completion
from orvanta_platform.engine.effects import Record, SetTimer
from orvanta_platform.engine.events import Answer, Err
from orvanta_platform.engine.plan import Kind, Node
from orvanta_platform.engine.readiness import BEGIN, Delay, Fail, Succeed, Verdict
from orvanta_platform.engine.state import Mark
from orvanta_platform.engine.step import Step


def skipped(step: Step, node: Node) -> Verdict | None:
    """What becomes of a node by skip_if, or BEGIN. None: an answer is missing."""
    if node.skip_if is None:
        return BEGIN
    answer = step.ask("skip_if", node.index, node.skip_if)
    if answer is None:
        return None
    if isinstance(answer, Err):
        return Fail(answer)
    return _passed(step, node) if answer.truthy else BEGIN


def mocked(step: Step, node: Node) -> Verdict | None:
    """What becomes of a node by mock, or BEGIN. None: an answer is missing."""
    return BEGIN if node.mock is None else succeeded(step, node, mark_of(node, node.mock), node.mock)


def delay(step: Step, node: Node) -> Verdict | None:
    """A delay that begins; one that is over gives previous_result. None while an answer is missing."""
    if step.nodes[node.index] == Mark.WAITING_TIMER:
        return _over(step, node)
    if node.delay is None:
        return Fail(Err("InvalidDelay", "A delay needs seconds or until."))
    what, source = node.delay
    answer = step.ask("seconds" if what == "seconds" else "until", node.index, source)
    if answer is None:
        return None
    if isinstance(answer, Err):
        return Fail(answer)
    value = msgspec.json.decode(answer.raw)
    if what == "until" and isinstance(value, str):
        return Delay(until=value)
    wait_s = duration.seconds(value, "InvalidDelay", "The seconds of a delay")
    if isinstance(wait_s, Err):
        return Fail(wait_s)
    return Delay(wait_s) if wait_s > 0 else _over(step, node)


def begin_delay(step: Step, index: int, wait: Delay) -> None:
    """The node waits; no job, no worker."""
    step.wait(index)
    step.effects.append(SetTimer(index, "wait", wait.seconds, wait.until))
    step.effects.append(Record("delay", index, {"seconds": wait.seconds, "until": wait.until}))


def succeeded(step: Step, node: Node, mark: Mark, result: bytes) -> Verdict | None:
    """A node without a job that gave `result`, with what it exports and how long its edges wait."""
    exports = node_completion.exports(step, node, result=result)
    hold = node_completion.hold(step, node, result=result)
    if exports is None or hold is None:
        return None
    if isinstance(exports, Err):
        return Fail(exports)
    return Fail(hold) if isinstance(hold, Err) else Succeed(mark, result, exports, hold)


def passed_on(step: Step, node: Node) -> Verdict | None:
    """An identity inside a loop or branch: previous_result, without a job."""
    return _over(step, node)


def _over(step: Step, node: Node) -> Verdict | None:
    passed = step.ask("pass", node.index, "previous_result")
    if not isinstance(passed, Answer):
        return None if passed is None else Fail(passed)
    return succeeded(step, node, Mark.SUCCEEDED, passed.raw)


def _passed(step: Step, node: Node) -> Verdict | None:
    """skip_if: the node acts as identity, and writes, holds and stops nothing."""
    passed = step.ask("pass", node.index, "previous_result")
    if not isinstance(passed, Answer):
        return None if passed is None else Fail(passed)
    return Succeed(Mark.PASSED, passed.raw, ())


def mark_of(node: Node, raw: bytes) -> Mark:
    """The mark of a node that succeeded with a result (JSON text) that it did not make itself."""
    if node.kind is not Kind.CONDITION:
        return Mark.SUCCEEDED
    value = msgspec.json.decode(raw)
    return Mark.TRUE if value or isinstance(value, list | dict) else Mark.FALSE
