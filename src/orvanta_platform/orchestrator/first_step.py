"""The first step of a run, decided before the run is inserted."""

from __future__ import annotations

from collections.abc import Mapping

from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.events import Started
from orvanta_platform.orchestrator.advance import Tools
from orvanta_platform.orchestrator.blueprints import Blueprint
from orvanta_platform.orchestrator.decision import Answered, Unanswered, decide_now, prepare
from orvanta_platform.orchestrator.effect_rows import DecidedStep, translate
from orvanta_platform.orchestrator.step_needs import NeedsResults, NeedsUpload


async def first_step(tools: Tools, blueprint: Blueprint, row: RunRow, known: Mapping[ValueKey, bytes]) -> DecidedStep:
    """Return the rows of the event Started. `known` holds values that are not in a table yet, such as the input."""
    answered = Answered()
    while True:
        try:
            decided = decide_now(blueprint, row, Started(), answered)
            step = translate(
                blueprint,
                row,
                decided.encoded,
                decided.effects,
                live={},
                prepared=answered.prepared,
                lane=1,
                kept=decided.state.kept,
            )
        except (Unanswered, NeedsUpload, NeedsResults) as reason:
            await prepare(tools.reader, blueprint, row, reason, answered, known)
        else:
            return step
