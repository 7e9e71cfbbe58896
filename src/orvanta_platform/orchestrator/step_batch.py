"""Rows of all decisions since the last write of a run with loops, branches or sub-workflows."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from orvanta_platform.db import frames as frame_rows
from orvanta_platform.db import jobs as job_rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.steps import JobCompletion, NewValue, write_steps
from orvanta_platform.orchestrator import inbox, values
from orvanta_platform.orchestrator.effect_rows import CANCELLED
from orvanta_platform.orchestrator.frames import Frames
from orvanta_platform.orchestrator.step_rows import StepRows

_MAX_ROWS = 2_000
_MAX_BYTES = 1 << 20


@dataclass(slots=True)
class StepBatch:
    """Rows of the decisions, and the changes to the run's frames and inbox that belong to them."""

    rows: StepRows = field(default_factory=StepRows)
    status: str | None = None
    processed: list[int] = field(default_factory=list)
    """Inbox sequence numbers of the events processed."""
    timers: list[tuple[UUID, str, float]] = field(default_factory=list)
    """Timers of nodes with bodies, as (node, kind, seconds)."""
    untimed: list[UUID] = field(default_factory=list)
    events_left: list[inbox.InboxEvent] = field(default_factory=list)
    size: int = 0
    stepped: bool = False

    @property
    def is_large(self) -> bool:
        """True if the rows should be written before more are collected."""
        rows = self.rows
        return self.size > _MAX_BYTES or len(rows.nodes) + len(rows.jobs) + len(rows.values) > _MAX_ROWS

    @property
    def queues(self) -> set[str]:
        """Queues that have received jobs."""
        return {job.queue for job in self.rows.jobs}

    @property
    def sets_timers(self) -> bool:
        """True if timers have been set."""
        return bool(self.timers) or self.rows.sets_timers

    def add(self, rows: StepRows, status: str) -> None:
        """Add the rows of one decision, and the status of the run after it."""
        self.rows.merge(rows)
        self.status = status
        self.size += sum(len(value.body or b"") for value in rows.values)
        self.stepped = True

    def add_value(self, value: NewValue) -> None:
        """Add a value that does not come from a decision."""
        self.rows.values.append(value)
        self.stepped = True

    def drop_timers(self, node: UUID) -> None:
        """Drop the timers of this node."""
        self.timers = [timer for timer in self.timers if timer[0] != node]
        self.untimed.append(node)

    async def write(self, connection: Connection, run: RunRow, state: bytes, frames: Frames) -> RunRow:
        """Write all rows except those of `StepRows.write_last`; return the run in its new state."""
        if self.stepped:
            run = await self._step(connection, run, state)
        await self.rows.write_waits(connection, run.id, run.workspace)
        if self.rows.end is not None:
            await frame_rows.delete_all(connection, run.id)
            return run
        await frame_rows.delete_timers(connection, run.id, self.untimed)
        for node, kind, seconds in self.timers:
            await frame_rows.set_timer(connection, run.id, node, kind, seconds)
        await frames.write()
        await frame_rows.delete_events(connection, run.id, self.processed)
        await frame_rows.insert_events(connection, run.id, [inbox.write(event) for event in self.events_left])
        return run

    async def _step(self, connection: Connection, run: RunRow, state: bytes) -> RunRow:
        if self.rows.end is not None:
            await self._cancel_remaining(connection, run.id)
        status = self.status or run.status
        if not await write_steps(connection, [self.rows.statement(run, state, status, over_cancel=True)]):
            raise AssertionError(f"run {run.id} was not written under its own lock")
        return msgspec.structs.replace(run, rev=run.rev + 1, state=state, status=status)

    async def _cancel_remaining(self, connection: Connection, run: UUID) -> None:
        """Cancel all remaining jobs, in all frames, of a run that is force-cancelled."""
        ending = {each.job for each in self.rows.endings}
        for job in await job_rows.lock_jobs_of_run(connection, run):
            if job.id not in ending:
                self.rows.endings.append(JobCompletion(job.id, job.attempt, job.worker, job.generation, "cancelled"))
                self.rows.values.append(values.inline_row(job.id, "result", CANCELLED))
