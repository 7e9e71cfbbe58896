"""State of one transaction on a locked run with loops, branches or sub-workflows."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.state import RunState
from orvanta_platform.orchestrator.answers import Reader
from orvanta_platform.orchestrator.blueprints import Blueprint, Blueprints
from orvanta_platform.orchestrator.decision import Answered
from orvanta_platform.orchestrator.frames import Frame, Frames
from orvanta_platform.orchestrator.step_batch import StepBatch
from orvanta_platform.orchestrator.step_result import Item, StepResult
from orvanta_platform.orchestrator.step_rows import StepRows
from orvanta_platform.orchestrator.value_cache import RecentValues
from orvanta_platform.storage import Storage


class NestedTransaction:
    """The run, its frames and the rows decided so far."""

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
        self.reader, self.storage, self.recent = reader, storage, recent
        self.blueprints, self.blueprint = blueprints, blueprint
        self.answers = answers
        self.outcome = StepResult(run)
        self.frames = Frames(connection, run.id, Frame(None, blueprint.plan, RunState.decode(run.state)))
        self.batch = StepBatch()
        self.written = StepRows()
        """Rows of earlier batches."""
        self.pending: deque[Item] = deque()
        """Items that follow from the decisions."""
        self.known: dict[ValueKey, bytes] = {}
        """Values read or decided in this transaction."""
        self.recount = False
        """True if decisions that were made earlier may count from now on."""
        self.cancel_grace_s = 0.0
        """As in `Tools`."""
        self.progress = False
        """True if something has been decided."""

    @property
    def run(self) -> RunRow:
        """The run as of this transaction."""
        return self.outcome.run

    async def write_jobs(self) -> None:
        """Insert the rows of jobs decided so far, before their live jobs are queried or their requests answered."""
        if self.batch.rows.jobs:
            await self.flush()

    async def flush(self) -> None:
        """Write the collected rows."""
        batch, self.batch = self.batch, StepBatch()
        self.written.merge(batch.rows)
        state = self.frames.root.state.encode()
        self.outcome.run = await batch.write(self.connection, self.run, state, self.frames)
        self.outcome.queues |= batch.queues
        self.outcome.timers = self.outcome.timers or batch.sets_timers
