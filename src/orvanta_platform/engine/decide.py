"""Entry point of the engine: a pure function that computes the next step of a run."""

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
from orvanta_platform.engine.edge_propagation import propagate
from orvanta_platform.engine.effects import CloseTimer, EndPause, EnterGate, LeaveDebounce, Record
from orvanta_platform.engine.events import (
    Aborted,
    Answers,
    Approved,
    CancelRequested,
    ChildrenEnded,
    Continued,
    DeadlineDue,
    DebounceElapsed,
    Event,
    Failed,
    HandedOver,
    JobCancelled,
    NamedError,
    PauseBefore,
    Permitted,
    Rejected,
    RunTimedOut,
    Started,
    Succeeded,
    TimerDue,
    WorkerLost,
)
from orvanta_platform.engine.outcome import Decision, Need
from orvanta_platform.engine.plan import Gate, Kind, Plan
from orvanta_platform.engine.run_completion import (
    abort,
    cancel,
    end_if_idle,
    end_not_started,
    end_with_cached_result,
    fail_on_timeout,
    worker_lost,
)
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
    """Decide one step of a run.

    Returns a Need if expressions must be evaluated first, else the Decision. Everything that can be asked at the same
    time is asked at the same time. An event for a node or a run that has ended changes nothing. The arguments are never
    modified. Raises IndexError for a node that is not in the plan.

    - `answers`: answers to the expressions that earlier calls for this event asked for, by `Ask.key`.
    - `seed`: seed of the run.
    - `after`: the Need just answered. It avoids recomputing what that call decided; the outcome is the same without it.
    - `breakpoints`: those of the run, for a list inside a node; the top level has its own.
    """
    if state.phase is Phase.ENDED:
        return Decision(state, ())
    if isinstance(event, PauseBefore):
        changed, record = pausing.set_breakpoint(state, event)
        return Decision(changed, (record,))
    step = after.step.resumed(answers) if after else Step(plan, state, answers, seed, breakpoints)
    if not step.event_applied:
        if not _apply_event(step, event):
            return Decision(state, ())
        step.event_applied = not step.requests
    if step.event_applied:
        _advance(step)
    if step.requests:
        return Need(tuple(step.requests), step.freeze(), tuple(step.effects), step)
    return Decision(step.freeze(), tuple(step.effects))


def _apply_event(step: Step, event: Event) -> bool:
    """Apply the event itself. False: it was late or a duplicate."""
    match event:
        case Started():
            return _start(step)
        case Succeeded(node):
            return _finish(step, node, None, retryable=False)
        case Failed(node, name, message, retryable):
            return _finish(step, node, NamedError(name, message), retryable=retryable)
        case TimerDue(node):
            return _timer_due(step, node)
        case Permitted(node):
            return _permitted(step, node)
        case DebounceElapsed(node):
            return step_debounce.end_wait(step, node)
        case HandedOver():
            return step_debounce.handed_over(step, event)
        case Continued():
            return pausing.resume(step, event)
        case PauseBefore():
            return False
        case JobCancelled(node, reason):
            return _job_cancelled(step, node, NamedError("Canceled", reason))
        case CancelRequested(force):
            return _cancel(step, force)
        case Aborted(reason):
            return abort(step, reason)
        case RunTimedOut() | WorkerLost():
            return _fail_immediately(step, event)
        case Approved():
            return approval.approved(step, event)
        case Rejected():
            return approval.rejected(step, event)
        case DeadlineDue():
            return approval.deadline(step, event)
        case ChildrenEnded():
            _mark_running(step)
            return containers.finish_bodies(step, event)
        case _:
            assert_never(event)


def _start(step: Step) -> bool:
    if step.status is not Status.QUEUED or step.phase not in _NOT_STARTED or not restart.is_not_started(step):
        return False
    if step.phase is Phase.PREPROCESSING and step.plan.preprocessor is not None:
        step.effects.append(Record("run_started", None, {}))
        step.ready.add(step.plan.preprocessor.index)
        return True
    return _open_run(step)


_NOT_STARTED = (Phase.NORMAL, Phase.PREPROCESSING)


def _open_run(step: Step) -> bool:
    """Skip the run, end it with a cached result, queue it for its permit, or start it. Always True."""
    if step.plan.skip_expr is not None and step.reused is None:
        answer = step.answer_to("skip_expr", len(step.plan.nodes), step.plan.skip_expr)
        if answer is None:
            return True
        if isinstance(answer, NamedError) or answer.truthy:
            end_not_started(step, answer if isinstance(answer, NamedError) else None)
            return True
    cached = caching.cached_result(step)
    if cached is not None:
        end_with_cached_result(step, cached)
    if step.requests or cached is not None:
        return True
    if step.plan.gate is not None:
        return _enter_gate(step, step.plan.gate)
    return _begin(step)


def _begin(step: Step, *, begun: bool = False) -> bool:
    """Start the nodes of the run; `begun` if its preprocessor has already run."""
    if not (begun or step.opening):
        step.effects.append(Record("run_started", None, {}))
    if step.reused is None:
        step.ready.update(step.plan.starts)
    else:
        restart.apply_reused_nodes(step)
    return True


def _enter_gate(step: Step, gate: Gate) -> bool:
    key = gates.key(step, gate.key, len(step.plan.nodes))
    if isinstance(key, NamedError):
        end_not_started(step, key)
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


def _finish(step: Step, index: int, error: NamedError | None, *, retryable: bool) -> bool:
    if not step.is_claimed(index):
        return False
    _mark_running(step)
    if error is not None:
        node_completion.fail(step, index, error, retryable=retryable)
        return True
    node_completion.finish(step, step.plan.node(index))
    return True


def _timer_due(step: Step, index: int) -> bool:
    if step.nodes[index] == Mark.SLEEPING:
        step.release(index)
    elif step.nodes[index] == Mark.WAITING_TIMER:
        step.ready.add(index)
    else:
        return False
    return True


def _job_cancelled(step: Step, index: int, error: NamedError) -> bool:
    if MARK_STATE[step.nodes[index]] not in _CANCELLABLE:
        return False
    if step.nodes[index] in HELD:
        return False
    if step.phase in (Phase.FAILING, Phase.STOPPING, Phase.DISAPPROVED, Phase.ABORTED, Phase.CANCELLING):
        step.forget_failures(index)
        step.end(index, Mark.CANCELLED, error=error)
        return True
    if not step.is_claimed(index):
        _end_wait(step, index)
    node_completion.fail(step, index, error, retryable=False)
    return True


_CANCELLABLE = (
    *(NodeState.QUEUED, NodeState.RUNNING, NodeState.PAUSED),
    *(NodeState.WAITING_TIMER, NodeState.WAITING_APPROVAL, NodeState.WAITING_GATE),
)


def _end_wait(step: Step, index: int) -> None:
    """End the wait of a node for a retry, a timer, a permit or people."""
    node = step.plan.node(index)
    if node.approval is not None and step.nodes[index] == Mark.WAITING_APPROVAL:
        suspending.close_wait(step, index, node.approval)
    elif step.nodes[index] == Mark.DEBOUNCING:
        step.effects.append(LeaveDebounce(index))
    elif step.nodes[index] == Mark.PAUSED:
        step.effects.append(EndPause(index))
    elif node.kind is Kind.DELAY:
        step.drop_timer(index, "wait")
    elif step.nodes[index] != Mark.WAITING_GATE:
        step.effects.append(CloseTimer(index))


def _cancel(step: Step, force: bool) -> bool:
    if step.phase is Phase.CANCELLING and not force:
        return False
    cancel(step, force=force)
    return True


def _fail_immediately(step: Step, event: RunTimedOut | WorkerLost) -> bool:
    if step.phase is Phase.CANCELLING:
        return False
    _mark_running(step)
    if isinstance(event, RunTimedOut):
        fail_on_timeout(step, event.timeout_s)
    else:
        worker_lost(step)
    return True


def _mark_running(step: Step) -> None:
    if step.status is Status.QUEUED:
        step.set_status(Status.RUNNING)


def _advance(step: Step) -> None:
    """Process the consequences of the event until none is left, or an expression has to be evaluated."""
    while not step.requests:
        if step.opening:
            _open_run(step)
            if step.requests:
                break
            step.opening = False
        propagate(step)
        if not step.ready:
            end_if_idle(step)
        if not step.ready:
            break
        begin(step)
    if not step.requests:
        enqueue(step)
        approval.settle_status(step)
