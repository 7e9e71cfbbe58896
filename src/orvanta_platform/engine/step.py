"""Mutable working copy of a state while one event is decided; it collects marks, effects and questions."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from copy import copy
from typing import Any

from orvanta_platform.engine.effects import (
    Ask,
    CancelChildren,
    CancelJob,
    CloseTimer,
    CloseWait,
    DropTimer,
    Effect,
    EndPause,
    EnterDebounce,
    EnterGate,
    Input,
    LeaveDebounce,
    NodeEnded,
    Opening,
    OpenWait,
    Pause,
    ResultRef,
    RunStatus,
    SetTimer,
    TimerKind,
)
from orvanta_platform.engine.events import Answer, Answers, Continued, NamedError, Purpose
from orvanta_platform.engine.plan import Node, Plan
from orvanta_platform.engine.state import (
    HELD,
    LIVE,
    MARK_STATE,
    MAX_ORDERED_FAILURES,
    OUTCOMES,
    SUCCESSES,
    Breakpoint,
    Mark,
    Phase,
    RunState,
)
from orvanta_platform.engine.states import NODE, RUN, NodeState, Status, transition

_ALLOWED = frozenset(
    (old, new)
    for old, old_state in MARK_STATE.items()
    for new, new_state in MARK_STATE.items()
    if (old_state, new_state) in NODE.arrows
)


_WAITING_FOR_PEOPLE = (NodeState.WAITING_APPROVAL, NodeState.PAUSED)


class Step:
    """Mutable state of the decision of one event.

    A node that waits for an answer is left unchanged, so that a copy can continue with more answers.
    """

    def __init__(
        self,
        plan: Plan,
        state: RunState,
        answers: Answers,
        seed: int,
        breakpoints: Mapping[int, Breakpoint] | None = None,
    ) -> None:
        self.plan = plan
        self.seed = seed
        self.nodes = bytearray(state.nodes)
        self.phase = state.phase
        self.status = state.status
        self.failures = state.failures
        self.order = state.order
        self.chosen = state.chosen
        self.held = state.held
        self.votes = state.votes
        self.halted = state.halted
        self.stopped = state.stopped
        self.reused = state.reused
        self.cache_key = state.cache_key
        self.cache_keys = state.cache_keys
        self.handed_over = state.handed_over
        self.breakpoints = state.breakpoints if breakpoints is None else breakpoints
        """Breakpoints of the whole run; only its top level stores them."""
        self.continued_by: dict[int, Continued] = {}
        """Events by which nodes that were paused until this step were resumed."""
        self._own_breakpoints = state.breakpoints
        self._references = state.references
        self._sealed = state.sealed
        self.effects: list[Effect] = []
        self.requests: list[Ask] = []
        self.ended: deque[int] = deque()
        """Nodes that ended in this step and whose edges have not been evaluated."""
        self.ready: set[int] = set()
        """Nodes that may start."""
        self.prepared: dict[int, float | Opening | EnterGate | EnterDebounce | Pause | None] = {}
        """Nodes to start unless this step fails the run.

        A job has its time limit as value, another node what it opens or enters.
        """
        self.opening = False
        """True if the run is to be opened now that its preprocessor has ended."""
        self.event_applied = False
        """True if the event itself has been applied; its consequences remain."""
        self._answers = answers

    def resumed(self, answers: Answers) -> Step:
        """Return a copy that continues where this step had to ask."""
        other = copy(self)
        other.nodes = self.nodes.copy()
        other.effects = self.effects.copy()
        other.requests = []
        other.ended = self.ended.copy()
        other.ready = self.ready.copy()
        other.prepared = self.prepared.copy()
        other._answers = answers
        return other

    def mark(self, index: int, new: Mark) -> None:
        """Set the mark of a node. Raises IllegalTransition if the state machine of nodes has no such transition."""
        old = self.nodes[index]
        if (old, new) not in _ALLOWED:
            transition(NODE, MARK_STATE[old], MARK_STATE[new])
        self.nodes[index] = new

    def end(self, index: int, new: Mark, *, result: bytes | None = None, error: NamedError | None = None) -> None:
        """Mark a node as ended, emit NodeEnded, and evaluate its edges later unless the run is ending."""
        self.mark(index, new)
        self.effects.append(NodeEnded(index, MARK_STATE[new], result, error, new == Mark.CONTINUED))
        if self.phase is Phase.NORMAL:
            self.ended.append(index)
        elif self.phase is Phase.PREPROCESSING and new in SUCCESSES:
            self.phase, self.opening = Phase.NORMAL, True
            if new == Mark.SUCCEEDED:
                self.effects.append(Input(index, result))

    def wait(self, index: int) -> None:
        """Mark a node as waiting for its timer; it may have been waiting for another one."""
        if MARK_STATE[self.nodes[index]] is MARK_STATE[Mark.WAITING_TIMER]:
            self.nodes[index] = Mark.WAITING_TIMER
        else:
            self.mark(index, Mark.WAITING_TIMER)

    def hold(self, index: int, held: Mark, final: Mark, *, result: bytes | None = None) -> None:
        """Emit NodeEnded for a successful node and hold its edges; `release` sets its `final` mark."""
        if MARK_STATE[self.nodes[index]] is MARK_STATE[held]:
            self.nodes[index] = held
        else:
            self.mark(index, held)
        self.held = {**self.held, index: final}
        self.effects.append(NodeEnded(index, NodeState.SUCCEEDED, result))

    def release(self, index: int) -> None:
        """Release the edges of a node; they are evaluated unless the run is ending."""
        self.mark(index, Mark(self.held[index]))
        self.held = {node: final for node, final in self.held.items() if node != index}
        if self.phase is Phase.NORMAL:
            self.ended.append(index)

    def drop_timer(self, index: int, kind: TimerKind) -> None:
        """Drop a node's timer; one set in this same step is never written."""
        timers = [at for at, each in enumerate(self.effects) if isinstance(each, SetTimer) and each.node == index]
        if timers and self.effects[timers[-1]].kind == kind:  # type: ignore[union-attr]
            del self.effects[timers[-1]]
        else:
            self.effects.append(DropTimer(index, kind))

    def close_wait(self, index: int) -> None:
        """Close a node's approval; one opened in this same step is never written."""
        others = [each for each in self.effects if not (isinstance(each, OpenWait) and each.node == index)]
        if len(others) < len(self.effects):
            self.effects = others
        else:
            self.effects.append(CloseWait(index))

    def set_status(self, status: Status) -> None:
        """Change the run's status along a transition of its table; a final status is reported by RunEnded."""
        transition(RUN, self.status, status)
        self.status = status
        if status not in RUN.final:
            self.effects.append(RunStatus(status))

    def answer_to(
        self,
        purpose: Purpose,
        index: int,
        source: Any,
        *part: str | int,
        result: bytes | None = None,
        outcome: ResultRef | None = None,
    ) -> Answer | NamedError | None:
        """Return the answer to an expression of a node, or request it and return None."""
        key = (purpose, index, *part)
        answer = self._answers.get(key)
        if answer is None:
            self.requests.append(Ask(key, index, purpose, source, result, outcome))
        return answer

    def count_failure(self, index: int) -> None:
        """Count one more failed attempt of a node."""
        self.failures = {**self.failures, index: self.failures.get(index, 0) + 1}

    def forget_failures(self, index: int) -> None:
        """Discard the failed attempts of a node that has ended."""
        if index in self.failures:
            self.failures = {node: count for node, count in self.failures.items() if node != index}

    def add_unhandled(self, index: int) -> None:
        """Record an unhandled failure, in commit order."""
        if len(self.order) < MAX_ORDERED_FAILURES:
            self.order = (*self.order, index)

    def choose(self, index: int, edge: int) -> None:
        """Record the edge that started a node with join any."""
        self.chosen = {**self.chosen, index: edge}

    def marked(self, mark: Mark) -> Iterator[int]:
        """Yield the indexes of the nodes with this mark, ascending; changes during the iteration take effect."""
        at = self.nodes.find(mark)
        while at >= 0:
            yield at
            at = self.nodes.find(mark, at + 1)

    def alive(self) -> bool:
        """Return whether any node is queued, running or waiting."""
        return any(mark in self.nodes for mark in LIVE)

    def stop_starting(self, *, stop: bool) -> None:
        """Start nothing new: close timers, withdraw unclaimed jobs, and with `stop` stop running ones."""
        self.ended.clear()
        self.ready.clear()
        self.prepared.clear()
        for mark in (Mark.WAITING_APPROVAL, Mark.SUSPENDED):
            for index in self.marked(mark):
                consent = self.plan.node(index).approval or self.plan.node(index).suspend
                self.close_wait(index)
                if consent is not None and consent.timeout_s is not None:
                    self.drop_timer(index, "deadline")
                if mark == Mark.WAITING_APPROVAL:
                    self.end(index, Mark.CANCELLED)
        for index in self.marked(Mark.SLEEPING):
            self.drop_timer(index, "wait")
        for index in [index for mark in HELD for index in self.marked(mark)]:
            self.release(index)
        for index in self.marked(Mark.WAITING_TIMER):
            kind = self.plan.node(index).kind
            if kind.is_job or kind.is_container:
                self.effects.append(CloseTimer(index))
            else:
                self.drop_timer(index, "wait")
            self.end(index, Mark.CANCELLED)
            self.forget_failures(index)
        for index in self.marked(Mark.DEBOUNCING):
            self.effects.append(LeaveDebounce(index))
            self.end(index, Mark.CANCELLED)
        for index in self.marked(Mark.PAUSED):
            self.effects.append(EndPause(index))
            self.end(index, Mark.CANCELLED)
        for index in self.marked(Mark.WAITING_GATE):
            self.end(index, Mark.CANCELLED)
            self.forget_failures(index)
        for index in self.marked(Mark.QUEUED):
            self.effects.append(CancelJob(index, stop))
        if stop:
            for index in self.marked(Mark.WAITING_CHILDREN):
                self.effects.append(CancelChildren(index))

    def handles_failure(self, node: Node, failed: Mark = Mark.FAILED) -> bool:
        """Return whether any edge of the node is taken when its failure is marked `failed`."""
        return any(target.on in OUTCOMES[failed] for target in node.targets)

    def has_active_nodes(self) -> bool:
        """Return whether any node in progress does not wait for a person."""
        return any(mark in self.nodes for mark in LIVE if MARK_STATE[mark] not in _WAITING_FOR_PEOPLE)

    def is_claimed(self, index: int) -> bool:
        """Treat a job's end as proof of its claim, which does not step the run. False: a late or duplicate event."""
        if self.nodes[index] == Mark.QUEUED:
            self.mark(index, Mark.RUNNING)
        return self.nodes[index] == Mark.RUNNING

    def freeze(self) -> RunState:
        """Return the state after this step."""
        return RunState(
            bytes(self.nodes),
            self.phase,
            self.status,
            self.failures,
            self.order,
            self.chosen,
            self.held,
            self.votes,
            self.stopped,
            self.halted,
            self.reused,
            self.cache_key,
            self.cache_keys,
            self.handed_over,
            self._own_breakpoints,
            self._references,
            self._sealed,
        )
