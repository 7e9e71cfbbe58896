"""The end of a run: when nothing lives any more, by its failure module, or by cancel."""

from __future__ import annotations

from orvanta_platform.engine.effects import (
    ErrorOf,
    Null,
    OfNode,
    Record,
    ResultRef,
    RunEnded,
    Thrown,
)
from orvanta_platform.engine.events import Err
from orvanta_platform.engine.result import result
from orvanta_platform.engine.state import LIVE, SUCCESSES, Mark, Phase
from orvanta_platform.engine.states import Status
from orvanta_platform.engine.step import Step

_PENDING_TO_CANCELLED = bytes(Mark.CANCELLED if mark == Mark.PENDING else mark for mark in range(256))


def close(step: Step) -> None:
    """If nothing lives any more, end the run, or let its failure module begin. Asks for `output`."""
    if step.alive() or step.prepared:
        return
    match step.phase:
        case Phase.NORMAL:
            _end_well(step)
        case Phase.FAILING:
            _after_failure(step)
        case Phase.DISAPPROVED:
            _end(step, Status.FAILED, Thrown(Err(*(step.stopped or ("SuspendedDisapproved", "Disapproved")))))
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
        for mark in LIVE:
            for index in step.marked(mark):
                step.forget_failures(index)
                step.end(index, Mark.CANCELLED)


def end_unstarted(step: Step, error: Err | None) -> None:
    """skip_expr was true: the run has succeeded without a node; or it threw."""
    if error is None:
        _end(step, Status.SUCCEEDED, Null(), skipped=True)
    else:
        _end(step, Status.FAILED, Thrown(error))


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
    if isinstance(outcome, Err):
        _end(step, Status.FAILED, Thrown(outcome))
    elif outcome is not None:
        _end(step, Status.SUCCEEDED, outcome)


def _end(
    step: Step,
    status: Status,
    outcome: ResultRef,
    *,
    recovered: bool = False,
    error_node: int | None = None,
    skipped: bool = False,
) -> None:
    step.phase = Phase.ENDED
    step.turn(status)
    step.effects.append(Record("run_ended", error_node, {"status": status.value, "recovered": recovered}))
    step.effects.append(RunEnded(status, outcome, recovered, error_node, skipped))
