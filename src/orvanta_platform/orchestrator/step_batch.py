"""Rows of all decisions of one transaction, collected for one statement."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from orvanta_platform.db import approvals
from orvanta_platform.db import frames as frame_rows
from orvanta_platform.db import jobs as job_rows
from orvanta_platform.db import waits as wait_rows
from orvanta_platform.db.approvals import NewApproval
from orvanta_platform.db.pauses import NewPause
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.steps import (
    JobCompletion,
    NewEvent,
    NewJob,
    NewValue,
    NodeCompletion,
    RetryWake,
    RunEnd,
    StepWrite,
    write_steps,
)
from orvanta_platform.db.waits import NodeTimer, WaitWrite
from orvanta_platform.orchestrator import inbox, values
from orvanta_platform.orchestrator.effect_rows import CANCELLED, StepBuilder
from orvanta_platform.orchestrator.frames import Frames

_MOST_ROWS = 2_000
_MOST_BYTES = 1 << 20


@dataclass(slots=True)
class StepBatch:
    """Rows in the order of the decisions."""

    endings: list[JobCompletion] = field(default_factory=list)
    nodes: list[NodeCompletion] = field(default_factory=list)
    jobs: list[NewJob] = field(default_factory=list)
    wakes: list[RetryWake] = field(default_factory=list)
    values: list[NewValue] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    end: RunEnd | None = None
    status: str | None = None
    taken: list[int] = field(default_factory=list)
    timers: list[tuple[UUID, str, float]] = field(default_factory=list)
    untimed: list[UUID] = field(default_factory=list)
    waits: list[NodeTimer] = field(default_factory=list)
    dropped: list[tuple[UUID, str]] = field(default_factory=list)
    opened: list[NewApproval] = field(default_factory=list)
    closed: list[UUID] = field(default_factory=list)
    paused: list[NewPause] = field(default_factory=list)
    unpaused: list[UUID] = field(default_factory=list)
    decisions: list[tuple[UUID, int]] = field(default_factory=list)
    events_left: list[inbox.InboxEvent] = field(default_factory=list)
    size: int = 0
    stepped: bool = False

    @property
    def is_large(self) -> bool:
        """True if the rows should be written before more are collected."""
        return self.size > _MOST_BYTES or len(self.nodes) + len(self.jobs) + len(self.values) > _MOST_ROWS

    @property
    def queues(self) -> set[str]:
        """Queues that have received jobs."""
        return {job.queue for job in self.jobs}

    @property
    def sets_timers(self) -> bool:
        """True if timers have been set."""
        return bool(self.timers or self.waits) or any(ending.fate == "scheduled" for ending in self.endings)

    def add(self, rows: StepBuilder, taken: tuple[UUID, int] | None) -> None:
        """Add the rows of one decision; `taken` is the approval decision that it counts."""
        self.endings += rows.endings
        self.nodes += rows.nodes
        self.jobs += rows.jobs
        self.wakes += rows.wakes
        self.values += rows.values
        self.events += rows.events
        self.end = rows.end or self.end
        self.status = rows.status
        gone = set(rows.dropped)
        self.waits = [timer for timer in self.waits if (timer.job, timer.kind) not in gone] + rows.timers
        self.dropped += rows.dropped
        closed = set(rows.closed)
        self.opened = [each for each in self.opened if each.job not in closed] + rows.opened
        self.closed += rows.closed
        go_on = set(rows.unpaused)
        self.paused = [each for each in self.paused if each.job not in go_on] + rows.paused
        self.unpaused += rows.unpaused
        self.decisions += [taken] if taken else []
        self.size += sum(len(value.body or b"") for value in rows.values)
        self.stepped = True

    def keep(self, value: NewValue) -> None:
        """Add a value that does not come from a decision."""
        self.values.append(value)
        self.stepped = True

    def untime(self, node: UUID) -> None:
        """Drop the timers of this node."""
        self.timers = [timer for timer in self.timers if timer[0] != node]
        self.untimed.append(node)

    async def write(self, connection: Connection, run: RunRow, state: bytes, frames: Frames) -> RunRow:
        """Write all rows; return the run in its new state."""
        if self.stepped:
            run = await self._step(connection, run, state)
        if self.end is not None:
            await frame_rows.delete_all(connection, run.id)
            return run
        waits = WaitWrite(
            self.waits, self.dropped, self.opened, self.closed, paused=self.paused, unpaused=self.unpaused
        )
        if waits:
            await wait_rows.write(connection, run.id, run.workspace, waits)
        for job, resume in self.decisions:
            await approvals.mark_counted(connection, job, resume)
        await frame_rows.delete_timers(connection, run.id, self.untimed)
        for node, kind, seconds in self.timers:
            await frame_rows.set_timer(connection, run.id, node, kind, seconds)
        await frames.write()
        await frame_rows.delete_events(connection, run.id, self.taken)
        await frame_rows.insert_events(connection, run.id, [inbox.write(event) for event in self.events_left])
        return run

    async def _step(self, connection: Connection, run: RunRow, state: bytes) -> RunRow:
        if self.end is not None:
            await self._cancel_remaining(connection, run.id)
        status = self.status or run.status
        write = StepWrite(
            run=run.id,
            rev=run.rev,
            state=state,
            status=status,
            endings=self.endings,
            nodes=self.nodes,
            jobs=self.jobs,
            wakes=self.wakes,
            values=list({(value.id, value.kind, value.name): value for value in self.values}.values()),
            events=self.events,
            end=self.end,
            over_cancel=True,
        )
        if not await write_steps(connection, [write]):
            raise AssertionError(f"run {run.id} was not written under its own lock")
        return msgspec.structs.replace(run, rev=run.rev + 1, state=state, status=status)

    async def _cancel_remaining(self, connection: Connection, run: UUID) -> None:
        """Cancel all remaining jobs, in all frames, of a run that is force-cancelled."""
        ending = {each.job for each in self.endings}
        for job in await job_rows.lock_jobs_of_run(connection, run):
            if job.id not in ending:
                self.endings.append(JobCompletion(job.id, job.attempt, job.worker, job.generation, "cancelled"))
                self.values.append(values.inline(job.id, "result", CANCELLED))
