"""The loop around decide(): evaluate its requests, upload values, and decide again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import msgspec

from orvanta_platform.db.jobs import LiveJob
from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.effects import Ask, Effect
from orvanta_platform.engine.events import Answer, Event, NamedError, Started, Succeeded
from orvanta_platform.engine.outcome import Need
from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.state import RunState
from orvanta_platform.orchestrator import values
from orvanta_platform.orchestrator.answers import Reader, answer_all, is_volatile
from orvanta_platform.orchestrator.attempt_outcome import Finish
from orvanta_platform.orchestrator.blueprints import Blueprint
from orvanta_platform.orchestrator.effect_rows import DecidedStep, translate
from orvanta_platform.orchestrator.scope import compose
from orvanta_platform.orchestrator.sizes import Sizes
from orvanta_platform.orchestrator.step_needs import NeedsResults, NeedsUpload, Prepared
from orvanta_platform.orchestrator.view import value_id
from orvanta_platform.storage import Storage

_MAX_VOLATILE_ROUNDS = 3
"""Rounds after which fleeting answers count even if the run has changed meanwhile."""


class Answered(msgspec.Struct):
    """Answers found for one event. A fleeting answer is valid for the rev at which it was evaluated."""

    found: dict[tuple[str | int, ...], Answer | NamedError] = {}
    fleeting: dict[tuple[str | int, ...], int] = {}
    rounds: int = 0
    after: tuple[int, Need] | None = None
    """The latest request and its rev; decide() resumes from it while the run is unchanged."""
    prepared: Prepared = msgspec.field(default_factory=Prepared)
    rolled_back: tuple[int, bytes] | None = None
    """Rev and state that earlier steps of a transaction made, which ended so that the answers could be found.

    Another process may since have written other steps, after which the run has another state at the same rev.
    """

    def at(self, rev: int) -> Mapping[tuple[str | int, ...], Answer | NamedError]:
        """Return the answers valid when the run is at `rev`."""
        if self.rounds >= _MAX_VOLATILE_ROUNDS:
            return self.found
        return {key: answer for key, answer in self.found.items() if self.fleeting.get(key, rev) == rev}

    def discard_outdated(self, run: RunRow, *, is_committed: bool) -> None:
        """Discard answers found for a state that was rolled back, unless the run has this state again.

        `is_committed`: its present state is not one of an open transaction.
        """
        if self.rolled_back not in (None, (run.rev, run.state)):
            self.found, self.fleeting, self.after, self.prepared = {}, {}, None, Prepared()
            self.rolled_back = None
        elif is_committed:
            self.rolled_back = None

    def store(
        self, asks: tuple[Ask, ...], answers: Mapping[tuple[str | int, ...], Answer | NamedError], rev: int
    ) -> None:
        """Store the answers to `asks`."""
        self.rounds += any(ask.key in self.fleeting for ask in asks)
        self.found |= answers
        self.fleeting |= {ask.key: rev for ask in asks if is_volatile(ask)}


class Unanswered(Exception):
    """Raised to end a transaction so that `need` is answered outside it."""

    def __init__(self, need: Need, run: RunRow) -> None:
        super().__init__("expressions to evaluate")
        self.need = need
        self.run = run


class Decided(msgspec.Struct, frozen=True):
    """A decision with its encoded state."""

    state: RunState
    encoded: bytes
    effects: tuple[Effect, ...]


class _DecisionCache:
    """Cache of decisions that needed no answers: equal plan, state and event yield the same decision for every run.

    Most runs of a workflow take the same path, and deciding costs more than writing.
    """

    def __init__(self, limit: int) -> None:
        self._most = limit
        self._made: OrderedDict[tuple[int, bytes, Event], tuple[Plan, Decided]] = OrderedDict()

    def get(self, plan: Plan, state: bytes, event: Event) -> Decided | None:
        found = self._made.get((id(plan), state, event))
        return found[1] if found is not None and found[0] is plan else None

    def put(self, plan: Plan, state: bytes, event: Event, decided: Decided) -> None:
        self._made[id(plan), state, event] = (plan, decided)
        if len(self._made) > self._most:
            self._made.popitem(last=False)


_decision_cache = _DecisionCache(limit=2_000)


def decide_now(blueprint: Blueprint, run: RunRow, event: Event, answered: Answered) -> Decided:
    """Decide on the current state of the run with the answers so far. Raises Unanswered."""
    plain = isinstance(event, Started | Succeeded) and not answered.found
    if plain and (known := _decision_cache.get(blueprint.plan, run.state, event)) is not None:
        return known
    after = answered.after[1] if answered.after and answered.after[0] == run.rev else None
    state = RunState.decode(run.state)
    outcome = decide(blueprint.plan, state, event, answered.at(run.rev), run.seed, after=after)
    if isinstance(outcome, Need):
        answered.after = (run.rev, outcome)
        raise Unanswered(outcome, run)
    decided = Decided(outcome.state, outcome.state.encode(), outcome.effects)
    if plain:
        _decision_cache.put(blueprint.plan, run.state, event, decided)
    return decided


async def decide_step(
    reader: Reader,
    blueprint: Blueprint,
    run: RunRow,
    event: Event,
    known: Mapping[ValueKey, bytes],
    *,
    finish: Finish | None = None,
    live: Mapping[int, LiveJob] | None = None,
    lane: int = 0,
) -> DecidedStep | None:
    """Return the rows of an event outside a transaction; None if it has no effect. Raises NeedsLock.

    `known` holds values that are not in a table yet. `finish`, `live` and `lane` as in `translate`.
    """
    answered = Answered()
    while True:
        try:
            decided = decide_now(blueprint, run, event, answered)
            if not decided.effects:
                return None
            return translate(
                blueprint,
                run,
                decided.encoded,
                decided.effects,
                finish=finish,
                live=live,
                prepared=answered.prepared,
                lane=lane,
                reused=decided.state.reused,
            )
        except (Unanswered, NeedsUpload, NeedsResults) as reason:
            await prepare(reader, blueprint, run, reason, answered, known)


async def prepare(
    reader: Reader,
    blueprint: Blueprint,
    run: RunRow,
    reason: Unanswered | NeedsUpload | NeedsResults,
    answered: Answered,
    known: Mapping[ValueKey, bytes],
) -> None:
    """Do the work, outside any transaction, without which a step could not be decided or built."""
    match reason:
        case Unanswered():
            await _answer(reader, blueprint, reason, answered, known)
        case NeedsUpload():
            await upload(reader.storage, reader.sizes, run, reason, answered.prepared)
        case NeedsResults():
            await _compose_result(reader, blueprint, run, reason, known, answered.prepared)


async def _answer(
    reader: Reader, blueprint: Blueprint, raised: Unanswered, answered: Answered, known: Mapping[ValueKey, bytes]
) -> None:
    """Evaluate the request and store its answers."""
    found = await answer_all(reader, blueprint.plan, raised.run, raised.need, known, pins=blueprint.pins)
    answered.store(raised.need.requests, found, raised.run.rev)


async def upload(storage: Storage, sizes: Sizes, run: RunRow, raised: NeedsUpload, prepared: Prepared) -> None:
    """Upload the large values that the step itself creates: exports and composed results."""
    for key, raw in raised.missing.items():
        id, kind, name = key
        stored_value = await values.store(storage, run.workspace, run.id, id, kind, raw, name=name, attempt=run.rev)  # type: ignore[arg-type]
        prepared.uploads[key] = stored_value
        what = {"context": f"the export {name}", "result": "the output", "args": "the input"}.get(kind)
        is_of_run = id == run.id or (kind, name) == ("args", "")  # of the run, or the input of a sub-workflow
        if what is not None and is_of_run and (near := sizes.warning(what, len(raw))):
            prepared.nears[key] = near


async def _compose_result(
    reader: Reader,
    blueprint: Blueprint,
    run: RunRow,
    raised: NeedsResults,
    known: Mapping[ValueKey, bytes],
    prepared: Prepared,
) -> None:
    """Compose the run's result from the results of its nodes."""
    state = RunState.decode(run.state)
    keys = {name: (value_id(blueprint.plan, run.id, state, index), "result", "") for name, index in raised.members}
    own = {**known, **await reader.open(raised.made)}
    missing = [key for key in keys.values() if key not in own]
    found = {**await reader.load(missing), **own}
    prepared.composed = compose((name, found.get(key, b"null")) for name, key in keys.items())
