"""Answers to the requests of a run's frames, computed outside the transaction, one round for many frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Mapping

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine import effects as fx
from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.events import Event
from orvanta_platform.engine.state import RunState
from orvanta_platform.orchestrator.answers import Reader, answer_all, answer_from_memory, is_fleeting
from orvanta_platform.orchestrator.blueprints import Blueprint, Blueprints
from orvanta_platform.orchestrator.decision import Answered
from orvanta_platform.orchestrator.evaluation_context import all_of
from orvanta_platform.orchestrator.frames import Frame, Frames, within
from orvanta_platform.orchestrator.step_batch import StepBatch
from orvanta_platform.orchestrator.step_result import Item, NeedsIO, StepResult, Work
from orvanta_platform.orchestrator.step_rows import StepRows
from orvanta_platform.orchestrator.value_cache import RecentValues
from orvanta_platform.storage import Storage

MOST_AHEAD = 50
"""Maximum number of starts whose requests are answered in one round."""


class AnswerRounds(ABC):
    """The frames of one run within one transaction, with the answers of earlier rounds."""

    def __init__(
        self,
        connection: Connection,
        reader: Reader,
        storage: Storage,
        recent: RecentValues,
        blueprints: Blueprints,
        blueprint: Blueprint,
        run: RunRow,
        answers: Mapping[str, Answered],
    ) -> None:
        self.connection = connection
        self.blueprint = blueprint
        self.outcome = StepResult(run)
        self._reader, self._storage, self._recent = reader, storage, recent
        self._blueprints = blueprints
        self._answers = answers
        self.frames = Frames(connection, run.id, Frame(None, blueprint.plan, RunState.decode(run.state)))
        self._batch = StepBatch()
        self._written = StepRows()
        self._pending: deque[Item] = deque()
        self._known: dict[ValueKey, bytes] = {}
        self._recount = False
        self._progress = False

    @property
    def run(self) -> RunRow:
        """The run as of this transaction."""
        return self.outcome.run

    async def _decide(self, frame: Frame, event: Event, answered: Answered) -> fx.Decision:
        need: fx.Need | None = None
        place = within(self.run, frame, self._known)
        while True:
            outcome = decide(
                frame.plan,
                frame.state,
                event,
                answered.at(self.run.rev),
                self.run.seed,
                after=need,
                breakpoints=self.frames.root.state.breakpoints,
            )
            if isinstance(outcome, fx.Decision):
                return outcome
            found = await answer_from_memory(self._recent, frame.plan, self.run, outcome, self._known, place)
            if found is None:
                await self._write_jobs()
                raise NeedsIO(self._answering_work(frame, outcome, answered), outcome)
            answered.note(outcome.requests, self._reader.sizes.answers(found), self.run.rev)
            need = outcome

    def _answers_of(self, frame: Frame, event: Event) -> Answered:
        return self._answers[f"{frame.id} {type(event).__name__} {getattr(event, 'node', '')}"]

    def _answering_work(self, frame: Frame, need: fx.Need, answered: Answered) -> Work:
        known = dict(self._known)
        place = within(self.run, frame, known)

        async def ask() -> None:
            run = self.run
            pins = self.blueprint.pins
            found = await answer_all(self._reader, frame.plan, run, need, known, place, pins=pins)
            answered.note(need.requests, found, run.rev)

        return ask

    async def ahead(self, frame: Frame, event: Event) -> Work | None:
        """Return the requests of a later event as work; None if there are none or their answers may change by then."""
        try:
            await self._decide(frame, event, self._answers_of(frame, event))
        except NeedsIO as outside:
            asks = outside.need.requests if outside.need is not None else ()
            return outside.work if asks and not any(map(is_fleeting, asks)) else None
        return None

    async def _round(self, outside: NeedsIO, coming: Iterable[Item]) -> Work:
        """Combine `outside` with the requests of the next starts into one round of work."""
        works = [outside.work]
        for item in coming:
            if len(works) == MOST_AHEAD:
                break
            if item.ahead is not None and (work := await item.ahead()) is not None:
                works.append(work)

        async def together() -> None:
            await all_of(work() for work in works)

        return together if len(works) > 1 else outside.work

    @abstractmethod
    async def _write_jobs(self) -> None:
        """Insert the rows of jobs decided so far, before their requests are answered."""
