"""The end of a run: when nothing lives any more, by its failure module, or by cancel."""

from __future__ import annotations

from orvanta_platform.engine import stops
from orvanta_platform.engine.effects import (
    ErrorOf,
    KeepResult,
    Null,
    OfNode,
    Output,
    Record,
    ResultRef,
    RunEnded,
    Thrown,
)
from orvanta_platform.engine.events import Err
from orvanta_platform.engine.plan import Stop
from orvanta_platform.engine.result import result
from orvanta_platform.engine.state import LIVE, SUCCESSES, Mark, Phase
from orvanta_platform.engine.states import Status
from orvanta_platform.engine.step import Step

_PENDING_TO_CANCELLED = bytes(Mark.CANCELLED if mark == Mark.PENDING else mark for mark in range(256))


def close(step: Step) -> None:
    """If nothing lives any more, end the run, or let its failure module begin. Asks for `output`."""
    if step.phase is Phase.GATED or step.alive() or step.prepared:
        return
    match step.phase:
        case Phase.NORMAL:
            _end_well(step)
        case Phase.STOPPING:
            _end_stopped(step)
        case Phase.FAILING:
            _after_failure(step)
        case Phase.DISAPPROVED:
            error = Err(*(step.stopped or ("SuspendedDisapproved", "Disapproved")))
            _end(step, Status.FAILED, Thrown(error), disapproved=True)
        case Phase.ABORTED:
            _end(step, Status.FAILED, Thrown(Err(*(step.stopped or ("Canceled", "Canceled")))))
        case Phase.FAILURE_MODULE:
            _end_by_failure_module(step)
        case Phase.CANCELLING:
            _end(step, Status.CANCELLED, Null())


def cancel(step: Step, *, force: bool) -> None:
    """Nothing new begins and running jobs are told to stop; with `force` their end is not awaited."""
    if step.phase is not Phase.CANCELLING:
        step.phase = Phase.CANCELLING
        step.turn(Status.CANCELLING)
        step.effects.append(Record("cancel", None, {"force": force}))
        step.stop_starting(stop=True)
        step.nodes = step.nodes.translate(_PENDING_TO_CANCELLED)
    if force:
        _end_all(step)


def time_up(step: Step, timeout_s: float) -> None:
    """The run's time is over."""
    step.effects.append(Record("timeout", None, {"timeout_s": timeout_s}))
    _give_up(step, "Timeout", f"timed out: the run has not ended within {timeout_s:g} s")


def worker_lost(step: Step) -> None:
    """The worker that the run was bound to is gone."""
    step.effects.append(Record("worker_lost", None, {}))
    _give_up(step, "worker_lost", "The worker that ran all of it was lost, and the folder of the run with it.")


def _give_up(step: Step, name: str, message: str) -> None:
    """The run fails: nothing of it is waited for, and no failure module begins."""
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
    """Nothing new begins, running jobs are told to stop, and the list fails. False: it is at its end already."""
    if step.phase not in (Phase.NORMAL, Phase.FAILING, Phase.STOPPING, Phase.DISAPPROVED):
        return False
    step.phase = Phase.ABORTED
    step.stopped = ("Canceled", reason)
    step.stop_starting(stop=True)
    return True


def end_unstarted(step: Step, error: Err | None) -> None:
    """skip_expr was true: the run has succeeded without a node; or it threw."""
    if error is None:
        _end(step, Status.SUCCEEDED, Null(), skipped=True)
    else:
        _end(step, Status.FAILED, Thrown(error))


def end_known(step: Step, raw: bytes) -> None:
    """The result is that of another run with the same input: nothing runs."""
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


def _end_well(step: Step) -> None:
    outcome = result(step)
    stop = step.plan.each_stop
    if isinstance(outcome, Err):
        _end(step, Status.FAILED, Thrown(outcome))
    elif outcome is not None and stop is None:
        _end(step, Status.SUCCEEDED, outcome)
    elif outcome is not None and stop is not None:
        _end_iteration(step, outcome, stop)


def _end_iteration(step: Step, outcome: ResultRef, stop: Stop) -> None:
    """An iteration of a loop with stop_after_if, which is asked of its result."""
    answer = step.ask("stop", len(step.plan.nodes), stop.expr, outcome=outcome)
    if answer is None:
        return
    wanted = answer if isinstance(answer, Err) else stops.wanted(stop) if answer.truthy else False
    if isinstance(wanted, Err):
        _end(step, Status.FAILED, Thrown(wanted), stopped=not isinstance(answer, Err))
    else:
        _end(step, Status.SUCCEEDED, outcome, stopped=wanted, skipped=wanted and stop.skips)


def _end_stopped(step: Step) -> None:
    """A node's stop_after_if ended the list; a failure of what still ran is one all the same."""
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
    step.turn(status)
    step.effects.append(Record("run_ended", error_node, {"status": status.value, "recovered": recovered}))
    ended = RunEnded(status, outcome, recovered, error_node, skipped, stopped, disapproved, handed_over)
    step.effects.append(ended)
    if step.cache_key is not None and status is Status.SUCCEEDED and not (recovered or skipped):
        step.effects.append(KeepResult(step.cache_key, step.plan.cache_s or 0))
