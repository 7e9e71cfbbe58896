"""What happens next: the one entrance of the engine, a pure function of its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from orvanta_platform.engine import (
    approval,
    caching,
    containers,
    gates,
    node_completion,
    pausing,
    restart,
    step_debounce,
    suspending,
)
from orvanta_platform.engine.begin import begin, enqueue
from orvanta_platform.engine.edge_propagation import spread
from orvanta_platform.engine.effects import CloseTimer, Decision, EnterGate, GoOn, Need, PutOffNoMore, Record
from orvanta_platform.engine.events import (
    Aborted,
    Answers,
    Approved,
    CancelRequested,
    ChildrenEnded,
    Continued,
    DeadlineDue,
    Err,
    Event,
    Failed,
    HandedOver,
    JobCancelled,
    PauseBefore,
    Permitted,
    PutOffLongEnough,
    Rejected,
    Started,
    Succeeded,
    TimerDue,
    TimeUp,
    WorkerLost,
)
from orvanta_platform.engine.plan import Gate, Kind, Plan
from orvanta_platform.engine.run_completion import abort, cancel, close, end_known, end_unstarted, time_up, worker_lost
from orvanta_platform.engine.state import HELD, MARK_STATE, Breakpoint, Mark, Phase, RunState
from orvanta_platform.engine.states import NodeState, Status
from orvanta_platform.engine.step import Step


def decide(
    plan: Plan,
    state: RunState,
    event: Event,
    answers: Answers,
    seed: int = 0,
    *,
    after: Need | None = None,
    breakpoints: Mapping[int, Breakpoint] | None = None,
) -> Need | Decision:
    """One step of a run.

    `answers` holds what earlier calls for this event asked for, by `Ask.key`; everything that can be asked
    at once is asked at once. `after`, the Need just answered, saves deciding anew what it had decided: the outcome
    is the same without. `seed` is the run's. `breakpoints`: those of the run, where this is a list inside a node of it;
    the top level has its own. An event for a node that has ended, or for a run that has,
    changes nothing. Raises IndexError for a node that is not in the plan; never changes its arguments.
    """
    if state.phase is Phase.ENDED:
        return Decision(state, ())
    if isinstance(event, PauseBefore):
        changed, told = pausing.set_breakpoint(state, event)
        return Decision(changed, (told,))
    step = after.step.resumed(answers) if after else Step(plan, state, answers, seed, breakpoints)
    if not step.taken_in:
        if not _take_in(step, event):
            return Decision(state, ())
        step.taken_in = not step.requests
    if step.taken_in:
        _go_on(step)
    if step.requests:
        return Need(tuple(step.requests), step.freeze(), tuple(step.effects), step)
    return Decision(step.freeze(), tuple(step.effects))


def _take_in(step: Step, event: Event) -> bool:
    """Apply the event itself. False: it came late or twice, nothing is to be done."""
    match event:
        case Started():
            return _start(step)
        case Succeeded(node):
            return _finish(step, node, None, retryable=False)
        case Failed(node, name, message, retryable):
            return _finish(step, node, Err(name, message), retryable=retryable)
        case TimerDue(node):
            return _due(step, node)
        case Permitted(node):
            return _permitted(step, node)
        case PutOffLongEnough(node):
            return step_debounce.over(step, node)
        case HandedOver():
            return step_debounce.handed_over(step, event)
        case Continued():
            return pausing.continued(step, event)
        case PauseBefore():
            return False
        case JobCancelled(node, reason):
            return _job_cancelled(step, node, Err("Canceled", reason))
        case CancelRequested(force):
            return _cancel(step, force)
        case Aborted(reason):
            return abort(step, reason)
        case TimeUp() | WorkerLost():
            return _give_up(step, event)
        case Approved():
            return approval.approved(step, event)
        case Rejected():
            return approval.rejected(step, event)
        case DeadlineDue():
            return approval.deadline(step, event)
        case ChildrenEnded():
            _note_running(step)
            return containers.ended(step, event)
        case _:
            assert_never(event)


def _start(step: Step) -> bool:
    if step.status is not Status.QUEUED or step.phase not in _UNBEGUN or not restart.has_not_begun(step):
        return False
    if step.phase is Phase.PREPROCESSING and step.plan.preprocessor is not None:
        step.effects.append(Record("run_started", None, {}))
        step.ready.add(step.plan.preprocessor.index)
        return True
    return _open(step)


_UNBEGUN = (Phase.NORMAL, Phase.PREPROCESSING)


def _open(step: Step) -> bool:
    """The run's input is there: it is skipped, stands in line, or begins. Always True."""
    if step.plan.skip_expr is not None and step.kept is None:
        answer = step.ask("skip_expr", len(step.plan.nodes), step.plan.skip_expr)
        if answer is None:
            return True
        if isinstance(answer, Err) or answer.truthy:
            end_unstarted(step, answer if isinstance(answer, Err) else None)
            return True
    known = caching.known(step)
    if known is not None:
        end_known(step, known)
    if step.requests or known is not None:
        return True
    if step.plan.gate is not None:
        return _stand_in_line(step, step.plan.gate)
    return _begin(step)


def _begin(step: Step, *, begun: bool = False) -> bool:
    """`begun`: its preprocessor has run."""
    if not (begun or step.opening):
        step.effects.append(Record("run_started", None, {}))
    if step.kept is None:
        step.ready.update(step.plan.starts)
    else:
        restart.go_on(step)
    return True


def _stand_in_line(step: Step, gate: Gate) -> bool:
    key = gates.key(step, gate.key, len(step.plan.nodes))
    if isinstance(key, Err):
        end_unstarted(step, key)
    elif key is not None:
        step.phase = Phase.GATED
        step.effects.append(EnterGate(None, key, gate.limit, gate.window_s))
    return True


def _permitted(step: Step, index: int | None) -> bool:
    if index is None and step.phase is Phase.GATED:
        step.phase = Phase.NORMAL
        before = step.plan.preprocessor
        return _begin(step, begun=before is not None and len(step.nodes) > before.index)
    if index is None or step.nodes[index] != Mark.WAITING_GATE:
        return False
    step.ready.add(index)
    return True


def _finish(step: Step, index: int, error: Err | None, *, retryable: bool) -> bool:
    if not step.is_claimed(index):
        return False
    _note_running(step)
    if error is not None:
        node_completion.fail(step, index, error, retryable=retryable)
        return True
    node_completion.finish(step, step.plan.node(index))
    return True


def _due(step: Step, index: int) -> bool:
    if step.nodes[index] == Mark.SLEEPING:
        step.release(index)
    elif step.nodes[index] == Mark.WAITING_TIMER:
        step.ready.add(index)
    else:
        return False
    return True


def _job_cancelled(step: Step, index: int, error: Err) -> bool:
    if MARK_STATE[step.nodes[index]] not in _CANCELLABLE:
        return False
    if step.nodes[index] in HELD:
        return False
    if step.phase in (Phase.FAILING, Phase.STOPPING, Phase.DISAPPROVED, Phase.ABORTED, Phase.CANCELLING):
        step.forget_failures(index)
        step.end(index, Mark.CANCELLED, error=error)
        return True
    if not step.is_claimed(index):
        _wait_no_more(step, index)
    node_completion.fail(step, index, error, retryable=False)
    return True


_CANCELLABLE = (
    *(NodeState.QUEUED, NodeState.RUNNING, NodeState.PAUSED),
    *(NodeState.WAITING_TIMER, NodeState.WAITING_APPROVAL, NodeState.WAITING_GATE),
)


def _wait_no_more(step: Step, index: int) -> None:
    """A node that waits for a retry, for its time or for people does so no longer."""
    node = step.plan.node(index)
    if node.approval is not None and step.nodes[index] == Mark.WAITING_APPROVAL:
        suspending.close_wait(step, index, node.approval)
    elif step.nodes[index] == Mark.DEBOUNCING:
        step.effects.append(PutOffNoMore(index))
    elif step.nodes[index] == Mark.PAUSED:
        step.effects.append(GoOn(index))
    elif node.kind is Kind.DELAY:
        step.drop_timer(index, "wait")
    elif step.nodes[index] != Mark.WAITING_GATE:
        step.effects.append(CloseTimer(index))


def _cancel(step: Step, force: bool) -> bool:
    if step.phase is Phase.CANCELLING and not force:
        return False
    cancel(step, force=force)
    return True


def _give_up(step: Step, event: TimeUp | WorkerLost) -> bool:
    if step.phase is Phase.CANCELLING:
        return False
    _note_running(step)
    if isinstance(event, TimeUp):
        time_up(step, event.timeout_s)
    else:
        worker_lost(step)
    return True


def _note_running(step: Step) -> None:
    if step.status is Status.QUEUED:
        step.turn(Status.RUNNING)


def _go_on(step: Step) -> None:
    """Follow what the event set going until nothing is left to do, or something has to be asked."""
    while not step.requests:
        if step.opening:
            _open(step)
            if step.requests:
                break
            step.opening = False
        spread(step)
        if not step.ready:
            close(step)
        if not step.ready:
            break
        begin(step)
    if not step.requests:
        enqueue(step)
        approval.settle_status(step)
