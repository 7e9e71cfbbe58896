"""How a node ends: exports after success; after a failure a retry, an outcome, or the failure of the run."""

from __future__ import annotations

from typing import Any

from orvanta_platform.engine import duration, retry, stops, suspending
from orvanta_platform.engine.effects import Export, Record, Retry, SetTimer
from orvanta_platform.engine.events import Answer, Err
from orvanta_platform.engine.plan import Node
from orvanta_platform.engine.readiness import NO_HOLD, Exports, Hold
from orvanta_platform.engine.state import Mark, Phase
from orvanta_platform.engine.step import Step


def exports(step: Step, node: Node, *, result: bytes | None = None) -> Exports | Err | None:
    """What the node exports after success; the first error thrown; None while an answer is missing.

    A cancelled run exports nothing. `result` is given for a node without a job.
    """
    if step.phase is Phase.CANCELLING:
        return ()
    answers = [(name, step.ask("export", node.index, source, name, result=result)) for name, source in node.exports]
    if any(answer is None for _, answer in answers):
        return None
    thrown = next((answer for _, answer in answers if isinstance(answer, Err)), None)
    return thrown or tuple((name, answer.raw) for name, answer in answers if isinstance(answer, Answer))


def hold(step: Step, node: Node, *, result: bytes | None = None) -> Hold | Err | None:
    """What keeps the edges of a node closed after success; None while an answer is missing. Last nodes hold nothing.

    `result` is given for a node without a job. One whose list ends here holds nothing either.
    """
    if step.phase is Phase.PREPROCESSING:
        return _as_input(step, node, result)
    stop = stops.verdict(step, node, result=result)
    if stop is None or isinstance(stop, Err):
        return stop
    if stop:
        return Hold(stops=True)
    if not node.targets or step.phase is not Phase.NORMAL:
        return NO_HOLD
    if node.suspend is not None:
        return _suspend(step, node, node.suspend.groups)
    if node.sleep is None:
        return NO_HOLD
    answer = step.ask("sleep", node.index, node.sleep)
    if not isinstance(answer, Answer):
        return answer
    wait_s = duration.of(answer, "InvalidSleep", "The seconds of a sleep")
    return wait_s if isinstance(wait_s, Err) else Hold(wait_s)


def _as_input(step: Step, node: Node, result: bytes | None) -> Hold | Err | None:
    """What a preprocessor gives must do as the input of a workflow."""
    answer = step.ask("input", node.index, _IS_OBJECT, result=result)
    if isinstance(answer, Answer):
        return NO_HOLD if answer.truthy else Err("InvalidInput", "What the preprocessor returns must be an object.")
    return answer


_IS_OBJECT = "result !== null && typeof result === 'object' && !Array.isArray(result)"


_LARGEST_GROUPS = 64 << 10


def _suspend(step: Step, node: Node, groups: Any | None) -> Hold | Err | None:
    """Its sleep follows the events, and is asked then."""
    if groups is None:
        return Hold(suspend=True)
    answer = step.ask("groups", node.index, groups)
    if not isinstance(answer, Answer):
        return answer
    if len(answer.raw) > _LARGEST_GROUPS:
        return Err("InvalidGroups", f"user_groups_required has more than {_LARGEST_GROUPS:,} bytes as JSON.")
    return Hold(suspend=True, groups=answer.raw)


def finish(step: Step, node: Node) -> None:
    """The node's work ended well: what hangs on its end is asked, then it has succeeded."""
    written, held = exports(step, node), hold(step, node)
    if isinstance(written, Err):
        fail(step, node.index, written, retryable=False)
    elif isinstance(held, Err):
        fail(step, node.index, held, retryable=False)
    elif written is not None and held is not None:
        succeed(step, node.index, written, hold=held)


def succeed(
    step: Step,
    index: int,
    exports: Exports,
    mark: Mark = Mark.SUCCEEDED,
    *,
    result: bytes | None = None,
    hold: Hold = NO_HOLD,
) -> None:
    """The node ended well. `result` is given for a node without a job."""
    step.forget_failures(index)
    if hold.suspend:
        suspending.suspend(step, index, mark, result=result, groups=hold.groups)
    elif hold.sleep_s > 0:
        step.hold(index, Mark.SLEEPING, mark, result=result)
        step.effects.append(SetTimer(index, "wait", hold.sleep_s))
    else:
        step.end(index, mark, result=result)
        if hold.stops:
            stops.stop_by(step, step.plan.node(index))
    step.effects += [Export(index, name, raw) for name, raw in exports]


def fail(step: Step, index: int, error: Err, *, retryable: bool) -> None:
    """An attempt failed. An expression that threw is not retried: it would throw again."""
    node = step.plan.node(index)
    if step.phase is Phase.CANCELLING:
        step.forget_failures(index)
        step.end(index, Mark.CANCELLED, error=error)
        return
    if retryable and _may_start(step, index) and retry.attempts_left(node.retry, step.failures.get(index, 0) + 1):
        verdict = _retry_allowed(step, node)
        if verdict is None:
            return
        if verdict:
            _retry(step, node)
            return
    fail_for_good(step, node, error)


def _may_start(step: Step, index: int) -> bool:
    """Whether this node may begin once more: any while the run goes on, then the failure module alone."""
    return step.phase in _BEGINNING or index == len(step.plan.nodes)


_BEGINNING = (Phase.PREPROCESSING, Phase.NORMAL)


def _retry_allowed(step: Step, node: Node) -> bool | None:
    """What retry_if says; None while it has no answer. One that throws allows none and is put on record."""
    if node.retry is None or node.retry.retry_if is None:
        return True
    answer = step.ask("retry_if", node.index, node.retry.retry_if, step.failures.get(node.index, 0) + 1)
    if isinstance(answer, Err):
        step.effects.append(Record("retry_if_threw", node.index, {"name": answer.name, "message": answer.message}))
        return False
    return None if answer is None else answer.truthy


def _retry(step: Step, node: Node) -> None:
    step.count_failure(node.index)
    failures = step.failures[node.index]
    delay = retry.delay_s(node.retry, failures, node.index, step.seed) if node.retry else 0.0
    step.mark(node.index, Mark.WAITING_TIMER)
    step.effects.append(Retry(node.index, delay, failures))
    step.effects.append(Record("retry", node.index, {"failures": failures, "delay_s": delay}))


def fail_for_good(
    step: Step,
    node: Node,
    error: Err,
    marks: tuple[Mark, Mark] = (Mark.CONTINUED, Mark.FAILED),
    *,
    result: bytes | None = None,
) -> None:
    """The node failed. `marks`: what it gets under continue_on_error, and what where an edge handles the failure."""
    continued, failed = marks
    step.forget_failures(node.index)
    if node.continue_on_error:
        step.end(node.index, continued, result=result, error=error)
    elif step.handles_failure(node, failed) or step.phase is Phase.FAILURE_MODULE:
        step.end(node.index, failed, result=result, error=error)
    else:
        step.end(node.index, Mark.UNHANDLED if failed == Mark.FAILED else failed, result=result, error=error)
        step.add_unhandled(node.index)
        if step.phase in _BEGINNING:
            step.phase = Phase.FAILING
            step.stop_starting(stop=False)
