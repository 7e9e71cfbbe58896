"""Decide with answers: the loop around decide() that evaluates what it asks, uploads, and asks again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.effects import Ask, Decision, Need
from orvanta_platform.engine.events import Answer, Err, Event
from orvanta_platform.engine.state import RunState
from orvanta_platform.services import values
from orvanta_platform.services.blueprints import Blueprint
from orvanta_platform.services.steps.answer import Reader, answer_all, reads_context
from orvanta_platform.services.steps.scope import compose, result_key
from orvanta_platform.services.steps.translate import NeedsResults, NeedsUpload, Prepared
from orvanta_platform.storage import Storage

_ASKED_AGAIN = 3
"""How often an answer that reads the context is asked for anew when the run has moved on meanwhile."""


@dataclass(slots=True)
class Answered:
    """The answers found for one event. Those that read the context hold for the rev they were asked at."""

    found: dict[tuple[str | int, ...], Answer | Err] = field(default_factory=dict)
    fleeting: dict[tuple[str | int, ...], int] = field(default_factory=dict)
    rounds: int = 0
    after: tuple[int, Need] | None = None
    """What was asked last, at which rev: deciding goes on from there while the run stays as it is."""
    prepared: Prepared = field(default_factory=Prepared)

    def at(self, rev: int) -> Mapping[tuple[str | int, ...], Answer | Err]:
        """What counts when the run is at `rev`."""
        if self.rounds >= _ASKED_AGAIN:
            return self.found
        return {key: answer for key, answer in self.found.items() if self.fleeting.get(key, rev) == rev}

    def note(self, asks: tuple[Ask, ...], answers: Mapping[tuple[str | int, ...], Answer | Err], rev: int) -> None:
        """Keep the answers to `asks`."""
        self.rounds += any(ask.key in self.fleeting for ask in asks)
        self.found |= answers
        self.fleeting |= {ask.key: rev for ask in asks if reads_context(ask)}


class Unanswered(Exception):
    """Raised inside a transaction, so that it ends: `need` is answered outside it."""

    def __init__(self, need: Need, run: RunRow) -> None:
        super().__init__("expressions to evaluate")
        self.need = need
        self.run = run


def decide_now(blueprint: Blueprint, run: RunRow, state: RunState, event: Event, answered: Answered) -> Decision:
    """The decision from the answers at hand. Raises Unanswered."""
    after = answered.after[1] if answered.after and answered.after[0] == run.rev else None
    outcome = decide(blueprint.plan, state, event, answered.at(run.rev), run.seed, after=after)
    if isinstance(outcome, Need):
        answered.after = (run.rev, outcome)
        raise Unanswered(outcome, run)
    return outcome


async def answer(
    reader: Reader, blueprint: Blueprint, raised: Unanswered, answered: Answered, known: Mapping[ValueKey, bytes]
) -> None:
    """Evaluate what was asked and keep the answers."""
    found = await answer_all(reader, blueprint.plan, raised.run, raised.need, known)
    answered.note(raised.need.requests, found, raised.run.rev)


async def upload(storage: Storage, run: RunRow, raised: NeedsUpload, prepared: Prepared) -> None:
    """Upload the large values that a step makes itself (exports, composed results)."""
    for key, raw in raised.missing.items():
        id, kind, name = key
        kept = await values.keep(storage, run.workspace, run.id, id, kind, raw, name=name, attempt=run.rev)  # type: ignore[arg-type]
        prepared.uploads[key] = kept


async def compose_result(
    reader: Reader,
    blueprint: Blueprint,
    run: RunRow,
    raised: NeedsResults,
    known: Mapping[ValueKey, bytes],
    prepared: Prepared,
) -> None:
    """Read the results that make up the run's."""
    keys = {name: result_key(blueprint.plan, run.id, index) for name, index in raised.members}
    own = {**known, **await reader.open(raised.made)}
    missing = [key for key in keys.values() if key not in own]
    found = {**await reader.load(missing), **own}
    prepared.composed = compose((name, found.get(key, b"null")) for name, key in keys.items())
