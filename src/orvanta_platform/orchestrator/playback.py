"""Playback of a workflow: the engine decides as in a run, jobs and people answer as recorded, timers fire immediately.

Nothing is stored or sent, and no code of nodes is executed. Lists are played one after the other, a container node with
everything inside it before the next event.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Final, Literal
from uuid import UUID

from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine import effects as fx
from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.edge_propagation import is_taken
from orvanta_platform.engine.events import (
    Answer,
    ChildrenEnded,
    DebounceElapsed,
    Event,
    Failed,
    JobCancelled,
    NamedError,
    Permitted,
    Started,
    Succeeded,
    TimerDue,
)
from orvanta_platform.engine.loop import Loop
from orvanta_platform.engine.outcome import Need
from orvanta_platform.engine.plan import Kind, Plan
from orvanta_platform.engine.state import OUTCOMES, RunState
from orvanta_platform.engine.states import NodeState, Status
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.evaluate.javascript import Resolve
from orvanta_platform.ids import frame_id
from orvanta_platform.orchestrator.body_results import join
from orvanta_platform.orchestrator.decided_values import decided_values, error_json
from orvanta_platform.orchestrator.frames import Counter, Frame, loop_after, loop_of
from orvanta_platform.orchestrator.iterations import items_key
from orvanta_platform.orchestrator.playback_expressions import PlaybackExpressions
from orvanta_platform.orchestrator.playback_types import (
    Execution,
    ExecutionKey,
    OpenList,
    PendingOutcome,
    PlaybackFault,
    Played,
    RecordedOutcome,
    Source,
)
from orvanta_platform.orchestrator.playback_values import PlaybackValues
from orvanta_platform.orchestrator.view import ERROR

MAX_STEPS: Final = 20_000
"""Maximum number of decisions of one playback."""

MAX_SECONDS: Final = 20.0
"""Maximum duration of one playback."""

_CANCELLED: Final = error_json(NamedError("Canceled", "Canceled"), None)


async def play(
    plan: Plan,
    run: RunRow,
    inputs: bytes,
    source: Source,
    evaluator: Evaluator,
    resolve: Resolve,
    *,
    preprocess: bool = False,
) -> Played:
    """Play a run from its start to its end, or to the first answer that is missing.

    `run` needs no row in the database. `resolve` returns the values of variables and resources. With `preprocess`, the
    preprocessor of the workflow runs first.
    """
    playback = _Playback(plan, run, inputs, source, evaluator, resolve)
    try:
        async with asyncio.timeout(MAX_SECONDS):
            await playback.play(preprocess)
    except TimeoutError:
        playback.played.fault = PlaybackFault(None, f"The playback takes longer than {MAX_SECONDS:g} s.")
    except PlaybackFault as fault:
        playback.played.fault = fault
    return playback.played


class _Playback:
    def __init__(
        self, plan: Plan, run: RunRow, inputs: bytes, source: Source, evaluator: Evaluator, resolve: Resolve
    ) -> None:
        self.played = Played()
        self._plan = plan
        self._run = run
        self._source = source
        self._values = PlaybackValues(run, inputs)
        self._expressions = PlaybackExpressions(run, self._values, evaluator, resolve)
        self._votes: dict[UUID, int] = {}
        self._steps = 0

    async def play(self, preprocess: bool) -> None:
        frame = Frame(None, self._plan, RunState.new(self._plan, preprocess=preprocess))
        end = await self._play_list(OpenList(frame, ()))
        self.played.status = _STATUS[end.status]
        self.played.result = self._values.result_of_list(frame, end)

    async def _play_list(self, here: OpenList) -> fx.RunEnded:
        await self._send(here, Started())
        while here.end is None:
            if not here.pending:
                raise PlaybackFault(None, "The run waits, and no recorded answer continues it.")
            first = min(range(len(here.pending)), key=lambda at: here.pending[at].rank)
            pending = here.pending.pop(first)
            match pending.kind:
                case "job":
                    event = await self._play_job(here, pending.node)
                case "bodies":
                    assert pending.opening is not None
                    event = await self._play_bodies(here, pending.node, pending.opening)
                case "people":
                    event = self._decision(here, pending.node)
                case "event":
                    assert pending.event is not None
                    event = pending.event
            await self._send(here, event)
        self._cover(here)
        return here.end

    def _cover(self, here: OpenList) -> None:
        plan, marks = here.frame.plan, here.frame.state.nodes
        self.played.nodes |= {plan.node(index).id for index, mark in enumerate(marks) if OUTCOMES.get(mark)}
        for node in plan.nodes:
            taken = (edge for edge in node.edges if is_taken(marks, edge))
            self.played.edges |= {(plan.nodes[edge.source].id, node.id, edge.on) for edge in taken}

    def _key(self, here: OpenList, index: int) -> ExecutionKey:
        node = here.frame.plan.node(index)
        attempt = here.frame.state.failures.get(index, 0)
        return ExecutionKey(node, here.frame.node_id(self._run.id, index), here.iterations, attempt)

    # Events.

    async def _send(self, here: OpenList, event: Event) -> None:
        """Decide an event and apply its effects."""
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise PlaybackFault(None, f"The playback has more than {MAX_STEPS:,} steps.")
        await asyncio.sleep(0)
        frame = here.frame
        answers: dict[tuple[str | int, ...], Answer | NamedError] = {}
        need: Need | None = None
        while isinstance(step := decide(frame.plan, frame.state, event, answers, after=need), Need):
            need = step
            for ask in step.requests:
                answers[ask.key] = await self._expressions.answer(here, step, ask)
        decided = decided_values(frame.plan, self._run.id, step.effects, self._values.stored, frame.id)
        frame.state = step.state
        self._values.store_decided(decided)
        for effect in step.effects:
            self._apply(here, effect)

    def _apply(self, here: OpenList, effect: fx.Effect) -> None:
        match effect:
            case fx.Enqueue(node):
                self._wait(here, "job", node)
            case fx.OpenInside(node, opening):
                self._wait(here, "bodies", node, opening=opening)
            case fx.OpenWait(node):
                self._wait(here, "people", node)
            case fx.EnterGate(node):
                self._wait(here, "event", -1 if node is None else node, event=Permitted(node))
            case fx.EnterDebounce(node):
                self._wait(here, "event", node, event=DebounceElapsed(node))
            case fx.SetTimer(node, "wait"):
                self._wait(here, "event", node, event=TimerDue(node))
            case fx.Retry(node):
                self._values.delete_results(here.frame.node_id(self._run.id, node))
                self._wait(here, "event", node, event=TimerDue(node))
            case fx.CloseTimer(node) | fx.DropTimer(node, "wait"):
                here.drop("event", node, TimerDue)
            case fx.CloseWait(node):
                here.drop("people", node)
            case fx.CancelJob() | fx.CancelChildren():
                self._cancel(here, effect)
            case fx.StoreResume(node, number, raw):
                self._values.store((here.frame.node_id(self._run.id, node), "resume", str(number)), raw)
            case fx.NodeEnded():
                self._record(here, effect)
            case fx.RunEnded():
                here.end = effect
            case _:
                pass

    def _wait(
        self,
        here: OpenList,
        kind: Literal["job", "bodies", "people", "event"],
        node: int,
        *,
        event: Event | None = None,
        opening: fx.Opening | None = None,
    ) -> None:
        rank = self._source.rank(self._key(here, node)) if node >= 0 else 0
        here.pending.append(PendingOutcome(kind, node, rank, event, opening))

    def _cancel(self, here: OpenList, effect: fx.CancelJob | fx.CancelChildren) -> None:
        """Withdraw a job or the bodies of a node. A job with an answer has started: it ends unless it is stopped."""
        node = effect.node
        if isinstance(effect, fx.CancelChildren):
            if here.drop("bodies", node):
                here.pending.append(PendingOutcome("event", node, -1, ChildrenEnded(node, cancelled=True)))
        elif effect.stop or self._source.outcome(self._key(here, node)) is None:
            here.drop("job", node)
            here.pending.append(PendingOutcome("event", node, -1, JobCancelled(node)))

    def _record(self, here: OpenList, effect: fx.NodeEnded) -> None:
        key = self._key(here, effect.node)
        raw = self._values.stored.get((key.id, "result", ""), _CANCELLED)
        self.played.executions.pop(key.id, None)
        inputs = self._values.take_inputs(key.id)
        self.played.executions[key.id] = Execution(key, _FATES[effect.state], raw, inputs)

    # Jobs, bodies and decisions.

    async def _play_job(self, here: OpenList, index: int) -> Event:
        key = self._key(here, index)
        if key.node.kind is Kind.IDENTITY:
            self._values.store_result(key.id, await self._expressions.previous_result(here, index))
            return Succeeded(index)
        try:
            raw = await self._expressions.inputs(here, index)
        except ExpressionError as error:
            thrown = NamedError(error.name, error.message)
            self._values.store_result(key.id, error_json(thrown, key.node.id))
            return Failed(index, error.name, error.message, retryable=False)
        self._values.store_inputs(key.id, raw)
        recorded = self._require_outcome(key)
        self._values.store_result(key.id, recorded.raw)
        if recorded.error is None:
            return Succeeded(index)
        return Failed(index, recorded.error.name, recorded.error.message)

    def _require_outcome(self, key: ExecutionKey) -> RecordedOutcome:
        found = self._source.outcome(key)
        if found is None:
            raise PlaybackFault(_name(key), "There is no recorded answer.")
        return found

    async def _play_bodies(self, here: OpenList, index: int, opening: fx.Opening) -> Event:
        key = self._key(here, index)
        counter = Counter(key.id, here.frame, key.node, opening.attempt, Loop(opening.total, opening.width))
        recorded = self._source.outcome(key)
        if recorded is not None or key.node.kind is Kind.FLOW:
            return self._end_bodies(key, opening)
        counter.loop = loop_of(opening, None)
        if opening.items is not None:
            self._values.store(items_key(counter.opening(self._run.id)), opening.items)
        found: dict[int, tuple[str, bytes]] = {}
        opened: deque[int] = deque()
        while not counter.loop.done:
            counter.loop, numbers = counter.loop.begin()
            opened += map(counter.loop.place, numbers)
            if not opened:
                break
            number = opened.popleft()
            frame = self._frame(counter, number)
            inner = (*here.iterations, number) if key.node.kind.is_loop else here.iterations
            end = await self._play_list(OpenList(frame, inner))
            counter.loop = loop_after(counter, frame, end)
            found[number] = (_STATUS[end.status], self._values.result_of_list(frame, end))
        collected = join(counter, found)
        if collected.result is not None:
            self._values.store_result(key.id, collected.result)
        if collected.error is not None:
            self._values.store_result(key.id, collected.error, ERROR)
        return collected.event

    def _frame(self, counter: Counter, number: int) -> Frame:
        body = counter.body(number)
        plan = counter.node.bodies[body].plan
        id = frame_id(self._run.id, counter.opening(self._run.id), number)
        return Frame(id, plan, RunState.new(plan), counter, number, body)

    def _end_bodies(self, key: ExecutionKey, opening: fx.Opening) -> Event:
        """Return the recorded end of a sub-workflow, or of a container that failed as a whole."""
        if opening.args is not None:
            self._values.store_inputs(key.id, opening.args)
        recorded = self._require_outcome(key)
        self._values.store_result(key.id, recorded.raw)
        if recorded.failure is not None:
            self._values.store_result(key.id, recorded.failure, ERROR)
        return ChildrenEnded(key.node.index, error=recorded.error)

    def _decision(self, here: OpenList, index: int) -> Event:
        key = self._key(here, index)
        number = self._votes.get(key.id, 0)
        found = self._source.decision(key, number)
        if found is None:
            raise PlaybackFault(_name(key), "There is no recorded decision.")
        self._votes[key.id] = number + 1
        # The node waits for the next decision unless this one closes the wait.
        self._wait(here, "people", index)
        return found


def _name(key: ExecutionKey) -> str:
    return key.node.id + "".join(f"[{number}]" for number in key.iterations)


_STATUS: Final[Mapping[Status, Literal["succeeded", "failed", "cancelled"]]] = {
    Status.SUCCEEDED: "succeeded",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
}
_FATES: Final[Mapping[NodeState, Literal["succeeded", "failed", "cancelled"]]] = {
    NodeState.SUCCEEDED: "succeeded",
    NodeState.FAILED: "failed",
    NodeState.CANCELLED: "cancelled",
}
