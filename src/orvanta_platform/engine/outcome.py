"""Outcomes of `decide`: a request for answers, or the decision."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from orvanta_platform.engine.effects import Ask, Effect
from orvanta_platform.engine.state import RunState
from orvanta_platform.engine.step import Step


@dataclass(frozen=True, slots=True)
class Need:
    """Request to evaluate `requests` and call `decide` again with the answers added.

    Nothing is written yet. The expressions read what this step has decided so far: `state` for `scope.visible` and
    `scope.previous_sources`, results and exports from `effects`.
    """

    requests: tuple[Ask, ...]
    state: RunState
    effects: tuple[Effect, ...]
    step: Step = field(compare=False, repr=False)
    """Point from which decide() continues when this Need is passed as `after`; private to the engine."""


class Decision(msgspec.Struct, frozen=True):
    """Outcome of a step: `state` and `effects` to write. Without effects the event was late or a duplicate."""

    state: RunState
    effects: tuple[Effect, ...]
