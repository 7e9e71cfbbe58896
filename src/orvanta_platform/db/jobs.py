"""Rows of live jobs: claims, recovery and timers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts
from orvanta_platform.db.runs import RunRow

_SQL = query_texts("jobs")
_TIMERS = query_texts("timers")


class ClaimedJob(msgspec.Struct, frozen=True):
    """A job claimed by a worker, with its run as of that moment."""

    id: UUID
    node: str | None
    node_index: int
    kind: str
    language: str | None
    path: str | None
    queue: str
    priority: int
    attempt: int
    failures: int
    timeout_s: float | None
    nonce: UUID
    """Random number drawn by this claim; the signature of the job's token covers it."""
    run: RunRow
    lane: int = 0
    seq: int | None = None
    frame: UUID | None = None
    place: int | None = None
    """Number of the frame among the bodies of its node, if the job is the only one of the frame."""
    waited_s: float = 0.0
    """Seconds for which it was available before this claim."""
    args: bytes | None = None
    """Input of the run as JSON text, if this is one of its first jobs and the input is small."""
    schedule_path: str | None = None
    """Schedule that started the run, or the outermost run that it belongs to."""
    http_trigger_path: str | None = None
    """The same for an HTTP trigger."""


class ClaimLane(msgspec.Struct, frozen=True):
    """One section of the claim index: at most `take` jobs above `low`."""

    queue: str
    priority: int
    lane: int
    low: int
    take: int


class LiveJob(msgspec.Struct, frozen=True):
    """A live job of a locked run."""

    id: UUID
    node: str | None
    node_index: int
    kind: str
    queue: str
    state: str
    attempt: int
    losses: int
    failures: int
    worker: UUID | None
    generation: int | None
    claimed_at: datetime | None
    openings: int = 0
    frame: UUID | None = None


class HeldJob(msgspec.Struct, frozen=True):
    """A job held by a lost worker."""

    id: UUID
    run: UUID
    attempt: int
    losses: int


class DueTimer(msgspec.Struct, frozen=True):
    """A timer that is due: `kind` start or cancel (of the run), retry or timeout (of the job)."""

    run: UUID
    job: UUID
    kind: str


class Due(msgspec.Struct, frozen=True):
    """Next times at which timers and inboxes need work."""

    due_at: datetime | None
    """Next timer, end of a limit's window or of a debounce window; None if there is none."""
    stale_at: datetime | None
    """Oldest event that has been pending for a second; None if there is none."""
    now: datetime
    """Time of the query, by the database."""

    @property
    def in_s(self) -> float | None:
        """Seconds until the next timer or window; negative if it is late."""
        return None if self.due_at is None else (self.due_at - self.now).total_seconds()


async def list_waiting_pairs(connection: Connection) -> list[tuple[str, int]]:
    """Return the (queue, priority) pairs with available jobs, priorities of a queue in descending order."""
    rows = await connection.fetch(_SQL["list_waiting_pairs"])
    return [(row["queue"], row["priority"]) for row in rows]


async def claim(
    connection: Connection, lanes: Sequence[ClaimLane], worker: UUID, generation: int, limit: int
) -> list[ClaimedJob]:
    """Claim up to `limit` jobs from the lanes in their order."""
    columns: tuple[list[Any], ...] = ([], [], [], [], [])
    for lane in lanes:
        for column, name in zip(columns, ClaimLane.__struct_fields__, strict=True):
            column.append(getattr(lane, name))
    rows = await connection.fetch(_SQL["claim"], *columns, worker, generation, limit)
    return [_claimed(row) for row in rows]


async def list_assigned(
    connection: Connection, worker: UUID, generation: int, low: int, known: Sequence[UUID]
) -> list[tuple[ClaimedJob, bool]]:
    """Return the jobs that were assigned to the worker when their runs started, and whether each run is cancelled.

    They are in the order of `seq`, from above `low`. Those in `known` are left out.
    """
    rows = await connection.fetch(_SQL["list_assigned"], worker, generation, low, known)
    return [(_claimed(row), row["cancelled"]) for row in rows]


async def list_unread(
    connection: Connection, worker: UUID, generation: int, silent_s: float
) -> list[tuple[UUID, UUID, int]]:
    """Return id, run and attempt of the jobs that were assigned to the worker in the last `silent_s` seconds."""
    rows = await connection.fetch(_SQL["list_unread"], worker, generation, silent_s)
    return [(row["id"], row["run"], row["attempt"]) for row in rows]


def _claimed(row: Any) -> ClaimedJob:
    run = RunRow(
        id=row["run"],
        workspace=row["workspace"],
        kind=row["run_kind"],
        path=row["run_path"],
        version=row["version"],
        document=row["document"],
        language=row["run_language"],
        pin_set=row["pin_set"],
        engine_version=row["engine_version"],
        rev=row["rev"],
        state=row["state"],
        status=row["status"],
        root=row["root"],
        created_by=row["created_by"],
        email=row["email"],
        permissioned_as=row["permissioned_as"],
        seed=row["seed"],
        scheduled_at=row["scheduled_at"],
        priority=row["run_priority"],
        queue=row["run_queue"],
        parent=row["run_parent"],
        scopes=row["scopes"],
        awaited=row["awaited"],
    )
    return ClaimedJob(
        id=row["id"],
        node=row["node"],
        node_index=row["node_index"],
        kind=row["kind"],
        language=row["language"],
        path=row["path"],
        queue=row["queue"],
        priority=row["priority"],
        attempt=row["attempt"],
        failures=row["failures"],
        timeout_s=row["timeout_s"],
        nonce=row["nonce"],
        run=run,
        lane=row["lane"],
        seq=row["claimed_seq"],
        frame=row["frame"],
        place=row["place"],
        waited_s=row["waited_s"],
        args=row["args"],
        schedule_path=row["schedule_path"],
        http_trigger_path=row["http_trigger_path"],
    )


async def give_back(connection: Connection, jobs: Sequence[UUID], worker: UUID, generation: int) -> list[str]:
    """Make claimed jobs that were never started available again; return their queues.

    Those of cancelled runs are withdrawn by events in the inboxes of their runs. Must be called outside a transaction:
    the second statement sees every cancellation that did not see the result of the first.
    """
    rows = await connection.fetch(_SQL["give_back"], list(jobs), worker, generation)
    if rows:
        await connection.execute(_SQL["withdraw_cancelled"], list(jobs))
    return [row["queue"] for row in rows]


async def lock_jobs_of_run(connection: Connection, run: UUID) -> list[LiveJob]:
    """Return the live jobs of a locked run, themselves locked until the transaction ends."""
    rows = await connection.fetch(_SQL["lock_jobs_of_run"], run)
    return [LiveJob(**dict(row)) for row in rows]


async def is_completion_recorded(
    connection: Connection, job: UUID, attempt: int, worker: UUID, generation: int
) -> bool:
    """Return whether the completion of this attempt was recorded, in case the answer to a COMMIT was lost."""
    return bool(await connection.fetchval(_SQL["is_completion_recorded"], job, attempt, worker, generation))


async def mark_upload_pending(
    connection: Connection, job: UUID, attempt: int, worker: UUID, generation: int, untaken: bool
) -> None:
    """Record whether the object storage rejects the output of this attempt; no effect if it no longer runs."""
    await connection.execute(_SQL["mark_upload_pending"], job, attempt, worker, generation, untaken)


async def filter_held_jobs(
    connection: Connection, jobs: Sequence[UUID], worker: UUID, generation: int
) -> dict[UUID, bool]:
    """Return those of `jobs` that run under this worker and generation; True: the run is to stop."""
    rows = await connection.fetch(_SQL["filter_held_jobs"], list(jobs), worker, generation)
    return {row["id"]: row["cancelled"] for row in rows}


async def list_held_by_worker(connection: Connection, worker: UUID, generation: int) -> dict[UUID, UUID]:
    """Return the jobs that run under this worker and generation, with their runs. Scans the table: use sparingly."""
    rows = await connection.fetch(_SQL["list_held_by_worker"], worker, generation)
    return {row["id"]: row["run"] for row in rows}


async def list_runs_held_by(connection: Connection, worker: UUID, generation: int) -> list[UUID]:
    """Return runs in which this worker's generation holds jobs, at most 500, in order."""
    rows = await connection.fetch(_SQL["list_runs_held_by"], worker, generation)
    return [row["run"] for row in rows]


async def lock_runs(connection: Connection, runs: Sequence[UUID]) -> dict[UUID, datetime | None]:
    """Lock these runs in order; return the time of cancellation of each live one, None if not cancelled."""
    rows = await connection.fetch(_SQL["lock_runs"], list(runs))
    return {row["id"]: row["cancel_at"] for row in rows}


async def lock_held_jobs(connection: Connection, runs: Sequence[UUID], worker: UUID, generation: int) -> list[HeldJob]:
    """Lock the jobs that the worker's generation holds in these (locked) runs."""
    rows = await connection.fetch(_SQL["lock_held_jobs"], list(runs), worker, generation)
    return [HeldJob(**dict(row)) for row in rows]


async def reap(connection: Connection, jobs: Sequence[UUID], *, stopped: bool) -> list[str]:
    """Make locked jobs of locked runs available again and record the reason in each run's history; return their queues.

    `stopped`: their worker was stopped on purpose, which does not count as a loss.
    """
    reason = "worker_stopped" if stopped else "worker_lost"
    rows = await connection.fetch(_SQL["reap_jobs"], list(jobs), 0 if stopped else 1, reason)
    runs = [row["run"] for row in rows]
    await connection.execute(_SQL["advance_revs"], runs)
    kinds, data = ["reap"] * len(rows), [f'{{"reason":"{reason}"}}'] * len(rows)
    await connection.execute(_SQL["insert_reaped_events"], runs, kinds, [row["node"] for row in rows], data)
    return [row["queue"] for row in rows]


async def take_due_timers(connection: Connection, past: datetime) -> list[DueTimer]:
    """Delete and return up to 200 timers due after `past`."""
    return [DueTimer(**dict(row)) for row in await connection.fetch(_TIMERS["take_due_timers"], past)]


async def get_next_due(connection: Connection, past: datetime, inbox_past: datetime) -> Due:
    """Return the next timers and windows after `past`, and the oldest pending event after `inbox_past`."""
    return Due(**dict(await connection.fetchrow(_TIMERS["get_next_due"], past, inbox_past)))


async def set_progress(connection: Connection, id: UUID, workspace: str, percent: int) -> int | None:
    """Raise the progress of a running job and return it; None if there is no such job."""
    progress: int | None = await connection.fetchval(_SQL["set_progress"], id, workspace, percent)
    return progress


async def get_progress(connection: Connection, id: UUID, workspace: str) -> int | None:
    """Return the progress of a job, None if it has reported none or has ended."""
    progress: int | None = await connection.fetchval(_SQL["get_progress"], id, workspace)
    return progress
