"""The working copy of a state while one event is decided: marks, effects and questions gather here."""

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
    EnterGate,
    GoOn,
    Input,
    NodeEnded,
    Opening,
    OpenWait,
    Pause,
    PutOff,
    PutOffNoMore,
    ResultRef,
    RunStatus,
    SetTimer,
    TimerKind,
)
from orvanta_platform.engine.events import Answer, Answers, Continued, Err, Purpose
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


_FOR_PEOPLE = (NodeState.WAITING_APPROVAL, NodeState.PAUSED)


class Step:
    """Everything that deciding one event changes.

    Whatever waits for an answer is left as it was, so a copy may go on with more answers.
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
        self.kept = state.kept
        self.cache_key = state.cache_key
        self.cache_keys = state.cache_keys
        self.handed_over = state.handed_over
        self.breakpoints = state.breakpoints if breakpoints is None else breakpoints
        """Those of the whole run; only its top level keeps them."""
        self.given: dict[int, Continued] = {}
        """How nodes go on that were paused until this step."""
        self._kept_breakpoints = state.breakpoints
        self._references = state.references
        self._sealed = state.sealed
        self.effects: list[Effect] = []
        self.requests: list[Ask] = []
        self.ended: deque[int] = deque()
        """Nodes that ended in this step and whose edges have not been looked at."""
        self.ready: set[int] = set()
        """Nodes whose edges let them begin."""
        self.prepared: dict[int, float | Opening | EnterGate | PutOff | Pause | None] = {}
        """Nodes to begin if nothing of this step fails the run: jobs by their time limits, others by what they open,
        or by the gate that they stand in line for."""
        self.opening = False
        """Whether the run is to begin now that its preprocessor has ended."""
        self.taken_in = False
        """Whether the event itself has been applied; what is left is to follow it."""
        self._answers = answers

    def resumed(self, answers: Answers) -> Step:
        """A copy that goes on where this one had to ask."""
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
        """Set a node's mark. Raises IllegalTransition where the node's table has no such arrow."""
        old = self.nodes[index]
        if (old, new) not in _ALLOWED:
            transition(NODE, MARK_STATE[old], MARK_STATE[new])
        self.nodes[index] = new

    def end(self, index: int, new: Mark, *, result: bytes | None = None, error: Err | None = None) -> None:
        """Mark a node ended, tell it, and let its edges be looked at while the run may go on."""
        self.mark(index, new)
        self.effects.append(NodeEnded(index, MARK_STATE[new], result, error, new == Mark.CONTINUED))
        if self.phase is Phase.NORMAL:
            self.ended.append(index)
        elif self.phase is Phase.PREPROCESSING and new in SUCCESSES:
            self.phase, self.opening = Phase.NORMAL, True
            if new == Mark.SUCCEEDED:
                self.effects.append(Input(index, result))

    def wait(self, index: int) -> None:
        """A node waits for its time; it may have waited for another before."""
        if MARK_STATE[self.nodes[index]] is MARK_STATE[Mark.WAITING_TIMER]:
            self.nodes[index] = Mark.WAITING_TIMER
        else:
            self.mark(index, Mark.WAITING_TIMER)

    def hold(self, index: int, held: Mark, final: Mark, *, result: bytes | None = None) -> None:
        """Tell that a node succeeded, and let its edges wait: it gets its `final` mark by `release`."""
        if MARK_STATE[self.nodes[index]] is MARK_STATE[held]:
            self.nodes[index] = held
        else:
            self.mark(index, held)
        self.held = {**self.held, index: final}
        self.effects.append(NodeEnded(index, NodeState.SUCCEEDED, result))

    def release(self, index: int) -> None:
        """A node's edges wait no longer; they are looked at while the run may go on."""
        self.mark(index, Mark(self.held[index]))
        self.held = {node: final for node, final in self.held.items() if node != index}
        if self.phase is Phase.NORMAL:
            self.ended.append(index)

    def drop_timer(self, index: int, kind: TimerKind) -> None:
        """Take a node's timer back; one of this very step was never set."""
        made = [at for at, each in enumerate(self.effects) if isinstance(each, SetTimer) and each.node == index]
        if made and self.effects[made[-1]].kind == kind:  # type: ignore[union-attr]
            del self.effects[made[-1]]
        else:
            self.effects.append(DropTimer(index, kind))

    def close_wait(self, index: int) -> None:
        """Nobody is asked any more; what was to open in this very step never does."""
        kept = [each for each in self.effects if not (isinstance(each, OpenWait) and each.node == index)]
        if len(kept) < len(self.effects):
            self.effects = kept
        else:
            self.effects.append(CloseWait(index))

    def turn(self, status: Status) -> None:
        """Change the run's state by an arrow of its table; an end is told by RunEnded."""
        transition(RUN, self.status, status)
        self.status = status
        if status not in RUN.final:
            self.effects.append(RunStatus(status))

    def ask(
        self,
        purpose: Purpose,
        index: int,
        source: Any,
        *part: str | int,
        result: bytes | None = None,
        outcome: ResultRef | None = None,
    ) -> Answer | Err | None:
        """The answer to an expression of a node; None: it is asked for, go on with something else."""
        key = (purpose, index, *part)
        answer = self._answers.get(key)
        if answer is None:
            self.requests.append(Ask(key, index, purpose, source, result, outcome))
        return answer

    def count_failure(self, index: int) -> None:
        """One more failed attempt of a node."""
        self.failures = {**self.failures, index: self.failures.get(index, 0) + 1}

    def forget_failures(self, index: int) -> None:
        """The node ended: its attempts no longer matter."""
        if index in self.failures:
            self.failures = {node: count for node, count in self.failures.items() if node != index}

    def add_unhandled(self, index: int) -> None:
        """Remember a failure nobody handled, in order of commit."""
        if len(self.order) < MAX_ORDERED_FAILURES:
            self.order = (*self.order, index)

    def choose(self, index: int, edge: int) -> None:
        """Remember by which of its edges a node with join any began."""
        self.chosen = {**self.chosen, index: edge}

    def marked(self, mark: Mark) -> Iterator[int]:
        """Indexes of the nodes with this mark, ascending, as they are when reached."""
        at = self.nodes.find(mark)
        while at >= 0:
            yield at
            at = self.nodes.find(mark, at + 1)

    def alive(self) -> bool:
        """Whether any node is queued, running or waiting."""
        return any(mark in self.nodes for mark in LIVE)

    def stop_starting(self, *, stop: bool) -> None:
        """Nothing new begins: timers close, unclaimed jobs are withdrawn, running ones `stop` or go on."""
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
            self.effects.append(PutOffNoMore(index))
            self.end(index, Mark.CANCELLED)
        for index in self.marked(Mark.PAUSED):
            self.effects.append(GoOn(index))
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
        """Whether an edge leaves the node that its failure, marked `failed`, takes."""
        return any(target.on in OUTCOMES[failed] for target in node.targets)

    def goes_on(self) -> bool:
        """Whether any node is under way that waits for nobody's answer."""
        return any(mark in self.nodes for mark in LIVE if MARK_STATE[mark] not in _FOR_PEOPLE)

    def is_claimed(self, index: int) -> bool:
        """Take a job's end as proof of its claim (a claim steps no run). False: a late or repeated event."""
        if self.nodes[index] == Mark.QUEUED:
            self.mark(index, Mark.RUNNING)
        return self.nodes[index] == Mark.RUNNING

    def freeze(self) -> RunState:
        """The state after this step."""
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
            self.kept,
            self.cache_key,
            self.cache_keys,
            self.handed_over,
            self._kept_breakpoints,
            self._references,
            self._sealed,
        )
