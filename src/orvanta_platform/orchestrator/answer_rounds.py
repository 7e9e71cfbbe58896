"""Answers to the requests of a run's frames, computed outside the transaction, one round for many frames."""

from __future__ import annotations

from collections.abc import Iterable

from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.events import Event
from orvanta_platform.engine.outcome import Decision, Need
from orvanta_platform.orchestrator.answers import answer_all, answer_from_memory, is_volatile
from orvanta_platform.orchestrator.decision import Answered
from orvanta_platform.orchestrator.evaluation_context import all_of
from orvanta_platform.orchestrator.frames import Frame, list_position
from orvanta_platform.orchestrator.nested_transaction import NestedTransaction
from orvanta_platform.orchestrator.step_result import Item, NeedsIO, Work

MAX_AHEAD = 50
"""Maximum number of starts whose requests are answered in one round."""


class AnswerRounds:
    """Decides events of one transaction with the answers of earlier rounds."""

    def __init__(self, transaction: NestedTransaction) -> None:
        self._tx = transaction

    async def decide(self, frame: Frame, event: Event, answered: Answered) -> Decision:
        """Decide an event of a frame. Raises NeedsIO for requests that cannot be answered from memory."""
        need: Need | None = None
        position = list_position(self._tx.run, frame, self._tx.known)
        while True:
            outcome = decide(
                frame.plan,
                frame.state,
                event,
                answered.at(self._tx.run.rev),
                self._tx.run.seed,
                after=need,
                breakpoints=self._tx.frames.root.state.breakpoints,
            )
            if isinstance(outcome, Decision):
                return outcome
            found = await answer_from_memory(
                self._tx.recent, frame.plan, self._tx.run, outcome, self._tx.known, position
            )
            if found is None:
                await self._tx.write_jobs()
                raise NeedsIO(self._answering_work(frame, outcome, answered), outcome)
            answered.store(outcome.requests, self._tx.reader.sizes.answers(found), self._tx.run.rev)
            need = outcome

    def answers_of(self, frame: Frame, event: Event) -> Answered:
        """Return the answers to the requests of an event."""
        return self._tx.answers[f"{frame.id} {type(event).__name__} {getattr(event, 'node', '')}"]

    def _answering_work(self, frame: Frame, need: Need, answered: Answered) -> Work:
        known = dict(self._tx.known)
        position = list_position(self._tx.run, frame, known)

        async def ask() -> None:
            run = self._tx.run
            pins = self._tx.blueprint.pins
            found = await answer_all(self._tx.reader, frame.plan, run, need, known, position, pins=pins)
            answered.store(need.requests, found, run.rev)

        return ask

    async def prefetch(self, frame: Frame, event: Event) -> Work | None:
        """Return the requests of a later event as work; None if there are none or their answers may change by then."""
        try:
            await self.decide(frame, event, self.answers_of(frame, event))
        except NeedsIO as outside:
            asks = outside.need.requests if outside.need is not None else ()
            return outside.work if asks and not any(map(is_volatile, asks)) else None
        return None

    async def round(self, outside: NeedsIO, coming: Iterable[Item]) -> Work:
        """Combine `outside` with the requests of the next starts into one round of work."""
        works = [outside.work]
        for item in coming:
            if len(works) == MAX_AHEAD:
                break
            if item.ahead is not None and (work := await item.ahead()) is not None:
                works.append(work)

        async def together() -> None:
            await all_of(work() for work in works)

        return together if len(works) > 1 else outside.work
