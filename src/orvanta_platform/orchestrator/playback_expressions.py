"""Expressions and inputs of a playback, evaluated over its values."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from typing import Literal

import msgspec

from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine import effects as fx
from orvanta_platform.engine.caching import Found
from orvanta_platform.engine.events import Answer, NamedError
from orvanta_platform.engine.outcome import Need
from orvanta_platform.engine.state import RunState
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.evaluate.javascript import Moment, Resolve
from orvanta_platform.evaluate.small import Scope
from orvanta_platform.orchestrator.answers import delay_end, names_of, own_value
from orvanta_platform.orchestrator.blueprints import Inputs
from orvanta_platform.orchestrator.decided_values import decided_values
from orvanta_platform.orchestrator.evaluation_context import moment_of
from orvanta_platform.orchestrator.frames import Frame, list_position
from orvanta_platform.orchestrator.playback_types import OpenList
from orvanta_platform.orchestrator.playback_values import PlaybackValues
from orvanta_platform.orchestrator.scope import Names, load_scope
from orvanta_platform.orchestrator.view import View


class PlaybackExpressions:
    """Evaluation of the expressions of one playback. `resolve` returns the values of variables and resources."""

    def __init__(self, run: RunRow, values: PlaybackValues, evaluator: Evaluator, resolve: Resolve) -> None:
        self._run = run
        self._values = values
        self._evaluator = evaluator
        self._resolve = resolve

    async def answer(self, here: OpenList, need: Need, ask: fx.Ask) -> Answer | NamedError:
        """Answer a request of the engine. Results are not cached."""
        frame, run = here.frame, self._run
        if ask.purpose == "cache":
            return Answer(msgspec.json.encode(Found()), truthy=False)
        decided = decided_values(frame.plan, run.id, need.effects, self._values.stored, frame.id)
        known = ChainMap(decided, self._values.stored)
        position = list_position(run, frame, decided)
        own = await own_value(ask, frame.plan, run, known, need.state, position, self._values.load)
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

    async def previous_result(self, here: OpenList, index: int) -> bytes:
        """Return the value that an identity node passes on."""
        scope = await self._scope(self._view(here.frame, here.frame.state, index, {}), {"previous_result": None})
        found = scope["previous_result"]
        return found if isinstance(found, bytes) else b"null"

    async def inputs(self, here: OpenList, index: int) -> bytes:
        """Return the inputs of a job as JSON object text. Raises ExpressionError."""
        inputs = Inputs.of(here.frame.plan.node(index))
        scope = await self._scope(self._view(here.frame, here.frame.state, index, {}), inputs.names)
        whole = scope["flow_input"] if inputs.whole else None
        if isinstance(whole, bytes):
            return whole
        return await self._evaluator.inputs(inputs.transforms, scope, self._moment(here, index), self._open)

    async def _open(self, kind: Literal["variable", "resource"], path: str) -> bytes:
        return await self._resolve(kind, path)

    def _view(self, frame: Frame, state: RunState, index: int, known: Mapping[ValueKey, bytes]) -> View:
        return View(frame.plan, self._run, state, index, known=known, within=list_position(self._run, frame, known))

    async def _scope(self, view: View, names: Names) -> Scope:
        return await load_scope(view, names, self._values.load, self._values.load_context)

    def _moment(self, here: OpenList, index: int) -> Moment:
        """Return time and random seed of a node, which do not depend on the id of the run."""
        moment = moment_of(here.frame.plan, self._run, index)
        return Moment(moment.at_ms, f"{moment.seed}/{here.iterations}") if here.iterations else moment
