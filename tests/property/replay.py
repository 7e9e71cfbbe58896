"""A journal of the decisions of each run: replaying it must yield the states in the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.events import Answer, Event, NamedError
from orvanta_platform.engine.outcome import Decision
from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.state import RunState
from orvanta_platform.orchestrator import advance, decision, job_completion
from orvanta_platform.orchestrator.blueprints import Blueprint
from orvanta_platform.orchestrator.decision import Answered, Decided, decide_now

Given = Mapping[tuple[str | int, ...], Answer | NamedError]


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision: its event, answers and outcome. Not every decision was written."""

    event: Event
    answers: Given
    seed: int
    after: bytes


@dataclass(slots=True)
class Journal:
    """Decisions by run and previous state."""

    entries: dict[UUID, dict[bytes, list[Entry]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def listen(self, patch: pytest.MonkeyPatch) -> None:
        """Record all decisions of the services."""
        for module in (decision, advance, job_completion):
            patch.setattr(module, "decide_now", self.decide_now)

    def decide_now(self, blueprint: Blueprint, run: RunRow, event: Event, answered: Answered) -> Decided:
        """Call the real function and record its result."""
        decided = decide_now(blueprint, run, event, answered)
        entry = Entry(event, dict(answered.at(run.rev)), run.seed, decided.encoded)
        self.entries[run.id][run.state].append(entry)
        return decided

    def leads_to(self, run: UUID, plan: Plan, end: bytes) -> bool:
        """Return whether the run's events, replayed in order, lead from its initial state to the state `end`."""
        entries = self.entries[run]
        reached = {RunState.new(plan).encode()}
        coming = list(reached)
        while coming:
            before = coming.pop()
            for entry in entries.get(before, []):
                again = decide(plan, RunState.decode(before), entry.event, entry.answers, entry.seed)
                assert isinstance(again, Decision) and again.state.encode() == entry.after, "decided otherwise"
                if entry.after not in reached:
                    reached.add(entry.after)
                    coming.append(entry.after)
        return end in reached
