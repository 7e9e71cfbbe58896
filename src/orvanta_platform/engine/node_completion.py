"""Completion of a node: exports after success; after a failure a retry, an outcome, or the failure of the run."""

from __future__ import annotations

from typing import Any

from orvanta_platform.engine import duration, retry, stops, suspending
from orvanta_platform.engine.effects import Export, Record, Retry, SetTimer
from orvanta_platform.engine.events import Answer, NamedError
from orvanta_platform.engine.plan import Node
from orvanta_platform.engine.readiness import NO_HOLD, Exports, Hold
from orvanta_platform.engine.state import Mark, Phase
from orvanta_platform.engine.step import Step


def exports(step: Step, node: Node, *, result: bytes | None = None) -> Exports | NamedError | None:
    """Return the node's exports after success; the first error thrown; None while an answer is missing.

    A cancelled run exports nothing. `result` is passed for a node without a job.
    """
    if step.phase is Phase.CANCELLING:
        return ()
    answers = [
        (name, step.answer_to("export", node.index, source, name, result=result)) for name, source in node.exports
    ]
    if any(answer is None for _, answer in answers):
        return None
    thrown = next((answer for _, answer in answers if isinstance(answer, NamedError)), None)
    return thrown or tuple((name, answer.raw) for name, answer in answers if isinstance(answer, Answer))


def hold_of_edges(step: Step, node: Node, *, result: bytes | None = None) -> Hold | NamedError | None:
    """Return the hold on the edges of a successful node; None while an answer is missing.

    A node without outgoing edges, or whose list ends here, holds nothing. `result` is passed for a node without a job.
    """
    if step.phase is Phase.PREPROCESSING:
        return _check_input(step, node, result)
    stop = stops.evaluate_stop(step, node, result=result)
    if stop is None or isinstance(stop, NamedError):
        return stop
    if stop:
        return Hold(stops=True)
    if not node.targets or step.phase is not Phase.NORMAL:
        return NO_HOLD
    if node.suspend is not None:
        return _suspend(step, node, node.suspend.groups)
    if node.sleep is None:
        return NO_HOLD
    answer = step.answer_to("sleep", node.index, node.sleep)
    if not isinstance(answer, Answer):
        return answer
    wait_s = duration.of(answer, "InvalidSleep", "The seconds of a sleep")
    return wait_s if isinstance(wait_s, NamedError) else Hold(wait_s)


def _check_input(step: Step, node: Node, result: bytes | None) -> Hold | NamedError | None:
    """Check that the preprocessor's result is an object, which the input of a workflow must be."""
    answer = step.answer_to("input", node.index, _IS_OBJECT, result=result)
    if isinstance(answer, Answer):
        return NO_HOLD if answer.truthy else NamedError("InvalidInput", "The preprocessor must return an object.")
    return answer


_IS_OBJECT = "result !== null && typeof result === 'object' && !Array.isArray(result)"


_MAX_GROUPS_BYTES = 64 << 10


def _suspend(step: Step, node: Node, groups: Any | None) -> Hold | NamedError | None:
    """Return the hold of a suspend; its sleep is evaluated after the resume."""
    if groups is None:
        return Hold(suspend=True)
    answer = step.answer_to("groups", node.index, groups)
    if not isinstance(answer, Answer):
        return answer
    if len(answer.raw) > _MAX_GROUPS_BYTES:
        return NamedError("InvalidGroups", f"user_groups_required has more than {_MAX_GROUPS_BYTES:,} bytes as JSON.")
    return Hold(suspend=True, groups=answer.raw)


def finish(step: Step, node: Node) -> None:
    """Complete a node whose work succeeded, after its exports and its hold have been evaluated."""
    exported, edge_hold = exports(step, node), hold_of_edges(step, node)
    if isinstance(exported, NamedError):
        fail(step, node.index, exported, retryable=False)
    elif isinstance(edge_hold, NamedError):
        fail(step, node.index, edge_hold, retryable=False)
    elif exported is not None and edge_hold is not None:
        succeed(step, node.index, exported, hold=edge_hold)


def succeed(
    step: Step,
    index: int,
    exports: Exports,
    mark: Mark = Mark.SUCCEEDED,
    *,
    result: bytes | None = None,
    hold: Hold = NO_HOLD,
) -> None:
    """End a node as succeeded, or hold its edges. `result` is passed for a node without a job."""
    step.forget_failures(index)
    if hold.suspend and step.plan.dry:
        step.end(index, mark, result=result)
        suspending.resume_without_wait(step, index)
    elif hold.suspend:
        suspending.suspend(step, index, mark, result=result, groups=hold.groups)
    elif hold.sleep_s > 0:
        step.hold(index, Mark.SLEEPING, mark, result=result)
        step.effects.append(SetTimer(index, "wait", hold.sleep_s))
    else:
        step.end(index, mark, result=result)
        if hold.stops:
            stops.stop_by(step, step.plan.node(index))
    step.effects += [Export(index, name, raw) for name, raw in exports]


def fail(step: Step, index: int, error: NamedError, *, retryable: bool) -> None:
    """Handle a failed attempt. An expression that threw is not retried, since it would throw again."""
    node = step.plan.node(index)
    if step.phase is Phase.CANCELLING:
        step.forget_failures(index)
        step.end(index, Mark.CANCELLED, error=error)
        return
    if retryable and _may_restart(step, index) and retry.attempts_left(node.retry, step.failures.get(index, 0) + 1):
        verdict = _retry_allowed(step, node)
        if verdict is None:
            return
        if verdict:
            _retry(step, node)
            return
    fail_for_good(step, node, error)


def _may_restart(step: Step, index: int) -> bool:
    """Return whether this node may start again: any node while the run is running, later only the failure module."""
    return step.phase in _ACTIVE_PHASES or index == len(step.plan.nodes)


_ACTIVE_PHASES = (Phase.PREPROCESSING, Phase.NORMAL)


def _retry_allowed(step: Step, node: Node) -> bool | None:
    """Return the value of retry_if; None while it is missing. One that throws allows no retry and is recorded."""
    if node.retry is None or node.retry.retry_if is None:
        return True
    answer = step.answer_to("retry_if", node.index, node.retry.retry_if, step.failures.get(node.index, 0) + 1)
    if isinstance(answer, NamedError):
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
    error: NamedError,
    marks: tuple[Mark, Mark] = (Mark.CONTINUED, Mark.FAILED),
    *,
    result: bytes | None = None,
) -> None:
    """Fail the node. `marks` are its mark under continue_on_error, and its mark if an edge handles the failure."""
    continued, failed = marks
    step.forget_failures(node.index)
    if node.continue_on_error:
        step.end(node.index, continued, result=result, error=error)
    elif step.handles_failure(node, failed) or step.phase is Phase.FAILURE_MODULE:
        step.end(node.index, failed, result=result, error=error)
    else:
        step.end(node.index, Mark.UNHANDLED if failed == Mark.FAILED else failed, result=result, error=error)
        step.add_unhandled(node.index)
        if step.phase in _ACTIVE_PHASES:
            step.phase = Phase.FAILING
            step.stop_starting(stop=False)
