"""End of a run: when no node is active any more, through its failure module, or by cancellation."""

from __future__ import annotations

from orvanta_platform.engine import stops
from orvanta_platform.engine.effects import (
    CacheResult,
    ErrorOf,
    NullResult,
    OfNode,
    Output,
    Record,
    ResultRef,
    RunEnded,
    ThrownOutput,
)
from orvanta_platform.engine.events import NamedError
from orvanta_platform.engine.plan import Stop
from orvanta_platform.engine.result import result
from orvanta_platform.engine.state import LIVE, SUCCESSES, Mark, Phase
from orvanta_platform.engine.states import Status
from orvanta_platform.engine.step import Step

_PENDING_TO_CANCELLED = bytes(Mark.CANCELLED if mark == Mark.PENDING else mark for mark in range(256))


def end_if_idle(step: Step) -> None:
    """End the run, or start its failure module, if no node is active any more. Asks for `output`."""
    if step.phase is Phase.GATED or step.alive() or step.prepared:
        return
    match step.phase:
        case Phase.NORMAL:
            _end_succeeded(step)
        case Phase.STOPPING:
            _end_stopped(step)
        case Phase.FAILING:
            _after_failure(step)
        case Phase.DISAPPROVED:
            error = NamedError(*(step.stopped or ("SuspendedDisapproved", "Disapproved")))
            _end(step, Status.FAILED, ThrownOutput(error), disapproved=True)
        case Phase.ABORTED:
            _end(step, Status.FAILED, ThrownOutput(NamedError(*(step.stopped or ("Canceled", "Canceled")))))
        case Phase.FAILURE_MODULE:
            _end_by_failure_module(step)
        case Phase.CANCELLING:
            _end(step, Status.CANCELLED, NullResult())


def cancel(step: Step, *, force: bool) -> None:
    """Start nothing new and stop running jobs; with `force`, end without waiting for them."""
    if step.phase is not Phase.CANCELLING:
        step.phase = Phase.CANCELLING
        step.set_status(Status.CANCELLING)
        step.effects.append(Record("cancel", None, {"force": force}))
        step.stop_starting(stop=True)
        step.nodes = step.nodes.translate(_PENDING_TO_CANCELLED)
    if force:
        _end_all(step)


def fail_on_timeout(step: Step, timeout_s: float) -> None:
    """Fail the run because its time limit is exceeded."""
    step.effects.append(Record("timeout", None, {"timeout_s": timeout_s}))
    _fail_immediately(step, "Timeout", f"timed out: the run has not ended within {timeout_s:g} s")


def worker_lost(step: Step) -> None:
    """Fail the run because the worker that it was bound to is gone."""
    step.effects.append(Record("worker_lost", None, {}))
    _fail_immediately(step, "worker_lost", "The worker bound to the run was lost together with the run's folder.")


def _fail_immediately(step: Step, name: str, message: str) -> None:
    """Fail the run without waiting for its jobs and without its failure module."""
    step.phase = Phase.DISAPPROVED
    step.stopped = (name, message)
    step.stop_starting(stop=True)
    step.nodes = step.nodes.translate(_PENDING_TO_CANCELLED)
    _end_all(step)


def _end_all(step: Step) -> None:
    for mark in LIVE:
        for index in step.marked(mark):
            step.forget_failures(index)
            step.end(index, Mark.CANCELLED)


def abort(step: Step, reason: str) -> bool:
    """Start nothing new, stop running jobs, and fail the list. False: it is already ending."""
    if step.phase not in (Phase.NORMAL, Phase.FAILING, Phase.STOPPING, Phase.DISAPPROVED):
        return False
    step.phase = Phase.ABORTED
    step.stopped = ("Canceled", reason)
    step.stop_starting(stop=True)
    return True


def end_not_started(step: Step, error: NamedError | None) -> None:
    """End the run without a node: succeeded because skip_expr is true, or failed because an expression threw."""
    if error is None:
        _end(step, Status.SUCCEEDED, NullResult(), skipped=True)
    else:
        _end(step, Status.FAILED, ThrownOutput(error))


def end_with_cached_result(step: Step, raw: bytes) -> None:
    """End the run with the cached result of another run with the same input."""
    _end(step, Status.SUCCEEDED, Output(raw))


def _after_failure(step: Step) -> None:
    if step.plan.failure is None:
        _end(step, Status.FAILED, ErrorOf(step.order[0]), error_node=step.order[0])
        return
    step.phase = Phase.FAILURE_MODULE
    step.ready.add(len(step.plan.nodes))


def _end_by_failure_module(step: Step) -> None:
    index = len(step.plan.nodes)
    if step.nodes[index] in SUCCESSES:
        _end(step, Status.SUCCEEDED, OfNode(index), recovered=True, error_node=step.order[0])
    else:
        _end(step, Status.FAILED, ErrorOf(index), error_node=index)


def _end_succeeded(step: Step) -> None:
    outcome = result(step)
    stop = step.plan.each_stop
    if isinstance(outcome, NamedError):
        _end(step, Status.FAILED, ThrownOutput(outcome))
    elif outcome is not None and stop is None:
        _end(step, Status.SUCCEEDED, outcome)
    elif outcome is not None and stop is not None:
        _end_iteration(step, outcome, stop)


def _end_iteration(step: Step, outcome: ResultRef, stop: Stop) -> None:
    """End an iteration of a loop with stop_after_if, whose expression reads the iteration's result."""
    answer = step.answer_to("stop", len(step.plan.nodes), stop.expr, outcome=outcome)
    if answer is None:
        return
    stops_list = answer if isinstance(answer, NamedError) else stops.stops_list(stop) if answer.truthy else False
    if isinstance(stops_list, NamedError):
        _end(step, Status.FAILED, ThrownOutput(stops_list), stopped=not isinstance(answer, NamedError))
    else:
        _end(step, Status.SUCCEEDED, outcome, stopped=stops_list, skipped=stops_list and stop.skips)


def _end_stopped(step: Step) -> None:
    """End a list stopped by stop_after_if; a failure of a node that was still running takes precedence."""
    if step.order:
        _after_failure(step)
        return
    index, skips = step.halted or (0, False)
    _end(step, Status.SUCCEEDED, OfNode(index), stopped=True, skipped=skips, handed_over=step.handed_over)


def _end(
    step: Step,
    status: Status,
    outcome: ResultRef,
    *,
    recovered: bool = False,
    error_node: int | None = None,
    skipped: bool = False,
    stopped: bool = False,
    disapproved: bool = False,
    handed_over: bool = False,
) -> None:
    step.phase = Phase.ENDED
    step.set_status(status)
    step.effects.append(Record("run_ended", error_node, {"status": status.value, "recovered": recovered}))
    ended = RunEnded(status, outcome, recovered, error_node, skipped, stopped, disapproved, handed_over)
    step.effects.append(ended)
    if step.cache_key is not None and status is Status.SUCCEEDED and not (recovered or skipped):
        step.effects.append(CacheResult(step.cache_key, step.plan.cache_s or 0))
