"""Playback of a workflow: the engine decides as in a run, jobs and people answer as recorded, timers are due at once.

Nothing is stored or sent, and no code of nodes is executed. Lists are played one after the other, a container node with
everything inside it before the next event.
"""

from __future__ import annotations

import asyncio
from collections import ChainMap, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol
from uuid import UUID

import msgspec

from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine import effects as fx
from orvanta_platform.engine.caching import Found
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
from orvanta_platform.engine.plan import Kind, Node, Plan
from orvanta_platform.engine.state import OUTCOMES, RunState
from orvanta_platform.engine.states import NodeState, Status
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.evaluate.javascript import Moment, Resolve
from orvanta_platform.evaluate.small import Scope
from orvanta_platform.ids import frame_id
from orvanta_platform.orchestrator.answers import delay_end, names_of, own_value
from orvanta_platform.orchestrator.blueprints import Inputs
from orvanta_platform.orchestrator.body_results import join
from orvanta_platform.orchestrator.decided_values import decided_values, error_json
from orvanta_platform.orchestrator.evaluation_context import moment_of
from orvanta_platform.orchestrator.frames import Counter, Frame, list_position, loop_after, loop_of
from orvanta_platform.orchestrator.iterations import items_key
from orvanta_platform.orchestrator.scope import Names, compose, load_scope
from orvanta_platform.orchestrator.view import ERROR, View

MAX_STEPS: Final = 20_000
"""Maximum number of decisions of one playback."""

MAX_SECONDS: Final = 20.0
"""Maximum duration of one playback."""

MAX_BYTES: Final = 64 << 20
"""Maximum total size of the values and inputs of one playback; one that several executions share counts for each."""

_CANCELLED: Final = error_json(NamedError("Canceled", "Canceled"), None)


class PlaybackFault(Exception):
    """The playback cannot continue."""

    def __init__(self, node: str | None, message: str) -> None:
        super().__init__(message)
        self.node = node
        """Key of the node."""
        self.message = message


@dataclass(frozen=True, slots=True)
class ExecutionKey:
    """An execution of a node."""

    node: Node
    id: UUID
    """Id of its job, derived from the run."""
    iterations: tuple[int, ...]
    """Numbers of the iterations of the loops around it, outermost first."""
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class RecordedOutcome:
    """Recorded outcome of a node."""

    raw: bytes
    """Its result."""
    error: NamedError | None = None
    failure: bytes | None = None
    """`{"error": …}` of a node that failed."""


class Source(Protocol):
    """Recorded answers."""

    def outcome(self, place: ExecutionKey) -> RecordedOutcome | None:
        """Return the outcome of a job or sub-workflow, or of a container node that failed as a whole; None if it has
        not been recorded.
        """

    def decision(self, place: ExecutionKey, number: int) -> Event | None:
        """Return decision number `number`, from 0, on an approval or suspended step; None if there is none."""

    def rank(self, place: ExecutionKey) -> float:
        """Return the position at which an execution ends, among those that run at the same time."""


@dataclass(frozen=True, slots=True)
class Execution:
    """Execution of a node that ended."""

    place: ExecutionKey
    status: Literal["succeeded", "failed", "cancelled"]
    result: bytes
    inputs: bytes | None
    """Its inputs (JSON object text), if it has any."""


@dataclass(slots=True)
class Played:
    """Outcome of a playback."""

    status: Literal["succeeded", "failed", "cancelled"] | None = None
    """None: it did not reach the end of the run."""
    result: bytes = b"null"
    fault: PlaybackFault | None = None
    executions: dict[UUID, Execution] = field(default_factory=dict)
    """Executions of nodes by id, in the order of their ends."""
    nodes: set[str] = field(default_factory=set)
    """Ids of the nodes that were executed."""
    edges: set[tuple[str, str, str]] = field(default_factory=set)
    """Edges that were taken, as (from, to, on)."""


@dataclass(slots=True)
class _Pending:
    """Pending outcome of a node: a job, its bodies, a decision of people, or an event."""

    kind: Literal["job", "bodies", "people", "event"]
    node: int
    rank: float
    event: Event | None = None
    opening: fx.Opening | None = None


@dataclass(slots=True)
class _Open:
    """An open list of nodes."""

    frame: Frame
    iterations: tuple[int, ...]
    pending: list[_Pending] = field(default_factory=list)
    end: fx.RunEnded | None = None

    def drop(self, kind: str, node: int, event: type[TimerDue] | None = None) -> bool:
        """Remove what a node waits for; return whether there was anything."""
        kept = [
            each
            for each in self.pending
            if not (each.kind == kind and each.node == node and (event is None or isinstance(each.event, event)))
        ]
        found = len(kept) < len(self.pending)
        self.pending = kept
        return found


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
        self._evaluator = evaluator
        self._resolve = resolve
        self._values: dict[ValueKey, bytes] = {(run.id, "args", ""): inputs}
        self._bytes = 0
        self._context: dict[ValueKey, bytes] = {}
        self._inputs: dict[UUID, bytes] = {}
        self._votes: dict[UUID, int] = {}
        self._steps = 0

    async def play(self, preprocess: bool) -> None:
        frame = Frame(None, self._plan, RunState.new(self._plan, preprocess=preprocess))
        end = await self._play_list(_Open(frame, ()))
        self.played.status = _STATUS[end.status]
        self.played.result = self._result_of(frame, end)

    async def _play_list(self, here: _Open) -> fx.RunEnded:
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

    def _cover(self, here: _Open) -> None:
        plan, marks = here.frame.plan, here.frame.state.nodes
        self.played.nodes |= {plan.node(index).id for index, mark in enumerate(marks) if OUTCOMES.get(mark)}
        for node in plan.nodes:
            taken = (edge for edge in node.edges if is_taken(marks, edge))
            self.played.edges |= {(plan.nodes[edge.source].id, node.id, edge.on) for edge in taken}

    def _place(self, here: _Open, index: int) -> ExecutionKey:
        node = here.frame.plan.node(index)
        attempt = here.frame.state.failures.get(index, 0)
        return ExecutionKey(node, here.frame.node_id(self._run.id, index), here.iterations, attempt)

    # Events.

    async def _send(self, here: _Open, event: Event) -> None:
        """Decide an event and apply its effects."""
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise PlaybackFault(None, f"The playback has more than {MAX_STEPS:,} steps.")
        await asyncio.sleep(0)
        frame = here.frame
        answers: dict[tuple[str | int, ...], Answer | NamedError] = {}
        need: fx.Need | None = None
        while isinstance(step := decide(frame.plan, frame.state, event, answers, after=need), fx.Need):
            need = step
            for ask in step.requests:
                answers[ask.key] = await self._answer(here, step, ask)
        decided = decided_values(frame.plan, self._run.id, step.effects, self._values, frame.id)
        frame.state = step.state
        for key, raw in decided.items():
            self._keep(key, raw)
        self._context |= {key: raw for key, raw in decided.items() if key[1] == "context"}
        for effect in step.effects:
            self._apply(here, effect)

    def _apply(self, here: _Open, effect: fx.Effect) -> None:
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
                self._forget(here, node)
                self._wait(here, "event", node, event=TimerDue(node))
            case fx.CloseTimer(node) | fx.DropTimer(node, "wait"):
                here.drop("event", node, TimerDue)
            case fx.CloseWait(node):
                here.drop("people", node)
            case fx.CancelJob() | fx.CancelChildren():
                self._cancel(here, effect)
            case fx.StoreResume(node, number, raw):
                self._keep((here.frame.node_id(self._run.id, node), "resume", str(number)), raw)
            case fx.NodeEnded():
                self._record(here, effect)
            case fx.RunEnded():
                here.end = effect
            case _:
                pass

    def _wait(
        self,
        here: _Open,
        kind: Literal["job", "bodies", "people", "event"],
        node: int,
        *,
        event: Event | None = None,
        opening: fx.Opening | None = None,
    ) -> None:
        rank = self._source.rank(self._place(here, node)) if node >= 0 else 0
        here.pending.append(_Pending(kind, node, rank, event, opening))

    def _cancel(self, here: _Open, effect: fx.CancelJob | fx.CancelChildren) -> None:
        """Withdraw a job or the bodies of a node. A job with an answer has started: it ends unless it is stopped."""
        node = effect.node
        if isinstance(effect, fx.CancelChildren):
            if here.drop("bodies", node):
                here.pending.append(_Pending("event", node, -1, ChildrenEnded(node, cancelled=True)))
        elif effect.stop or self._source.outcome(self._place(here, node)) is None:
            here.drop("job", node)
            here.pending.append(_Pending("event", node, -1, JobCancelled(node)))

    def _keep(self, key: ValueKey, raw: bytes) -> None:
        self._count(len(raw) - len(self._values.get(key, b"")))
        self._values[key] = raw

    def _keep_inputs(self, place: ExecutionKey, raw: bytes) -> None:
        self._count(len(raw))
        self._inputs[place.id] = raw

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes > MAX_BYTES:
            message = f"The values and inputs of the playback exceed {MAX_BYTES >> 20} MiB."
            raise PlaybackFault(None, message)

    def _forget(self, here: _Open, node: int) -> None:
        id = here.frame.node_id(self._run.id, node)
        for name in ("", ERROR):
            self._count(-len(self._values.pop((id, "result", name), b"")))

    def _record(self, here: _Open, effect: fx.NodeEnded) -> None:
        place = self._place(here, effect.node)
        raw = self._values.get((place.id, "result", ""), _CANCELLED)
        self.played.executions.pop(place.id, None)
        self.played.executions[place.id] = Execution(place, _FATES[effect.state], raw, self._inputs.pop(place.id, None))

    # Jobs, bodies and decisions.

    async def _play_job(self, here: _Open, index: int) -> Event:
        place = self._place(here, index)
        view = self._view(here.frame, here.frame.state, index, {})
        if place.node.kind is Kind.IDENTITY:
            scope = await self._scope(view, {"previous_result": None})
            found = scope["previous_result"]
            self._keep((place.id, "result", ""), found if isinstance(found, bytes) else b"null")
            return Succeeded(index)
        inputs = Inputs.of(place.node)
        try:
            scope = await self._scope(view, inputs.names)
            whole = scope["flow_input"] if inputs.whole else None
            raw = (
                whole
                if isinstance(whole, bytes)
                else await self._evaluator.inputs(inputs.transforms, scope, self._moment(here, index), self._open)
            )
        except ExpressionError as error:
            self._keep((place.id, "result", ""), error_json(NamedError(error.name, error.message), place.node.id))
            return Failed(index, error.name, error.message, retryable=False)
        self._keep_inputs(place, raw)
        recorded = self._recorded(place)
        self._keep((place.id, "result", ""), recorded.raw)
        if recorded.error is None:
            return Succeeded(index)
        return Failed(index, recorded.error.name, recorded.error.message)

    def _recorded(self, place: ExecutionKey) -> RecordedOutcome:
        found = self._source.outcome(place)
        if found is None:
            raise PlaybackFault(_name(place), "There is no recorded answer.")
        return found

    async def _play_bodies(self, here: _Open, index: int, opening: fx.Opening) -> Event:
        place = self._place(here, index)
        counter = Counter(place.id, here.frame, place.node, opening.attempt, Loop(opening.total, opening.width))
        recorded = self._source.outcome(place)
        if recorded is not None or place.node.kind is Kind.FLOW:
            return self._end_bodies(place, opening)
        counter.loop = loop_of(opening, None)
        if opening.items is not None:
            self._keep(items_key(counter.opening(self._run.id)), opening.items)
        found: dict[int, tuple[str, bytes]] = {}
        opened: deque[int] = deque()
        while not counter.loop.done:
            counter.loop, numbers = counter.loop.begin()
            opened += map(counter.loop.place, numbers)
            if not opened:
                break
            number = opened.popleft()
            frame = self._frame(counter, number)
            inner = (*here.iterations, number) if place.node.kind.is_loop else here.iterations
            end = await self._play_list(_Open(frame, inner))
            counter.loop = loop_after(counter, frame, end)
            found[number] = (_STATUS[end.status], self._result_of(frame, end))
        collected = join(counter, found)
        if collected.result is not None:
            self._keep((place.id, "result", ""), collected.result)
        if collected.error is not None:
            self._keep((place.id, "result", ERROR), collected.error)
        return collected.event

    def _frame(self, counter: Counter, number: int) -> Frame:
        body = counter.body(number)
        plan = counter.node.bodies[body].plan
        id = frame_id(self._run.id, counter.opening(self._run.id), number)
        return Frame(id, plan, RunState.new(plan), counter, number, body)

    def _end_bodies(self, place: ExecutionKey, opening: fx.Opening) -> Event:
        """Return the recorded end of a sub-workflow, or of a container that failed as a whole."""
        if opening.args is not None:
            self._keep_inputs(place, opening.args)
        recorded = self._recorded(place)
        self._keep((place.id, "result", ""), recorded.raw)
        if recorded.failure is not None:
            self._keep((place.id, "result", ERROR), recorded.failure)
        return ChildrenEnded(place.node.index, error=recorded.error)

    def _decision(self, here: _Open, index: int) -> Event:
        place = self._place(here, index)
        number = self._votes.get(place.id, 0)
        found = self._source.decision(place, number)
        if found is None:
            raise PlaybackFault(_name(place), "There is no recorded decision.")
        self._votes[place.id] = number + 1
        # The node waits for the next decision unless this one closes the wait.
        self._wait(here, "people", index)
        return found

    # Expressions.

    async def _answer(self, here: _Open, need: fx.Need, ask: fx.Ask) -> Answer | NamedError:
        frame, run = here.frame, self._run
        if ask.purpose == "cache":
            return Answer(msgspec.json.encode(Found()), truthy=False)
        decided = decided_values(frame.plan, run.id, need.effects, self._values, frame.id)
        known = ChainMap(decided, self._values)
        position = list_position(run, frame, decided)
        own = await own_value(ask, frame.plan, run, known, need.state, position, self._load)
        view = View(frame.plan, run, need.state, ask.node, own, decided, position)
        moment = self._moment(here, ask.node)
        try:
            scope = await self._scope(view, names_of(ask))
            if ask.purpose == "inputs":
                return Answer(await self._evaluator.inputs(ask.source, scope, moment, self._open), truthy=True)
            evaluate = self._evaluator.expression if isinstance(ask.source, str) else self._evaluator.transform
            found = await evaluate(ask.source, scope, moment, self._open)
        except ExpressionError as error:
            return NamedError(error.name, error.message)
        answer = Answer(found.raw, found.truthy)
        return delay_end(answer) if ask.purpose == "until" else answer

    async def _open(self, kind: Literal["variable", "resource"], path: str) -> bytes:
        return await self._resolve(kind, path)

    def _view(self, frame: Frame, state: RunState, index: int, known: Mapping[ValueKey, bytes]) -> View:
        return View(frame.plan, self._run, state, index, known=known, within=list_position(self._run, frame, known))

    async def _scope(self, view: View, names: Names) -> Scope:
        return await load_scope(view, names, self._load, self._load_context)

    async def _load(self, keys: Sequence[ValueKey]) -> dict[ValueKey, bytes]:
        return {key: self._values[key] for key in keys if key in self._values}

    async def _load_context(self, run: UUID) -> dict[ValueKey, bytes]:
        return self._context

    def _moment(self, here: _Open, index: int) -> Moment:
        """Return time and random seed of a node, which do not depend on the id of the run."""
        moment = moment_of(here.frame.plan, self._run, index)
        return Moment(moment.at_ms, f"{moment.seed}/{here.iterations}") if here.iterations else moment

    def _result_of(self, frame: Frame, end: fx.RunEnded) -> bytes:
        """Return the result of a list that ended."""
        match end.result:
            case fx.Output(raw):
                return raw
            case fx.OfNode(index):
                return self._value(frame, index)
            case fx.ErrorOf(index):
                id = frame.node_id(self._run.id, index)
                error = self._values.get((id, "result", ERROR)) if frame.id is not None else None
                return error or self._value(frame, index)
            case fx.NodeResults(members):
                return compose((name, self._value(frame, index)) for name, index in members)
            case fx.ThrownOutput(error):
                return error_json(error, frame.holder.node.id if frame.holder is not None else None)
            case fx.NullResult():
                return b"null"

    def _value(self, frame: Frame, index: int) -> bytes:
        return self._values.get(frame.result_key(self._run.id, index), b"null")


def _name(place: ExecutionKey) -> str:
    return place.node.id + "".join(f"[{number}]" for number in place.iterations)


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
