"""Runs and jobs as they are looked at: one row shape for what is under way and what has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.db.erasures import ErasureRow
from orvanta_platform.db.gates import LimitRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load
from orvanta_platform.db.values import ValueRow

FLOW_KINDS = frozenset({"flow", "flowpreview"})


@dataclass(frozen=True, slots=True)
class JobRow:
    """A run, or the job of a node (`is_step`), under way or `ended`.

    `own_path` is the script or workflow it runs, `path` what it is shown by; `run_path`, `extra_perms` and
    `created_by` decide who may see it. `state` is a run's or a job's, `job_state` that of the one job of a run of
    one node. `result_of`: whose value is the result, None for null. `document` and `run_state` are absent in lists.
    `served`: a living worker takes its queue. `schedule_path`: of the schedule that started it, where services say it.
    `limit`: the one at which it stands in line, likewise;
    `erasure`: when its values and log are erased, or were.
    """

    id: UUID
    workspace: str
    is_step: bool
    ended: bool
    run: UUID
    node: str | None
    node_index: int | None
    kind: str
    state: str
    own_path: str | None
    path: str | None
    run_path: str | None
    extra_perms: Mapping[str, bool]
    version: int | None
    script_hash: str | None
    document: bytes | None
    run_kind: str
    language: str | None
    queue: str | None
    priority: int
    parent: UUID | None
    root: UUID
    trigger: str
    created_by: str
    email: str
    permissioned_as: str
    created_at: datetime
    scheduled_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    cancelled: bool
    cancel_by: str | None
    cancel_reason: str | None
    recovered: bool
    skipped: bool
    error_name: str | None
    result_of: UUID | None
    worker: str | None
    attempt: int
    failures: int
    mem_peak_kb: int | None
    log_chars: int
    labels: list[str] | None
    run_state: bytes | None
    job_state: str | None
    retry_at: datetime | None
    served: bool
    schedule_path: str | None = None
    limit: LimitRow | None = None
    erasure: ErasureRow | None = None

    @property
    def is_flow(self) -> bool:
        """Whether it is a run with nodes of its own; the node that calls one is none."""
        return self.kind in FLOW_KINDS and not self.is_step

    @property
    def erase_at(self) -> datetime | None:
        """When its values and its log are erased, or were."""
        return None if self.erasure is None else self.erasure.erased_at or self.erasure.due_at

    @property
    def erased(self) -> bool:
        """Whether its values and its log are gone."""
        return self.erasure is not None and self.erasure.erased_at is not None

    @property
    def success(self) -> bool:
        """Whether it ended well."""
        return self.state == "succeeded"

    @property
    def running(self) -> bool:
        """Whether it is under way and something of it has begun."""
        return not self.ended and self.state not in ("queued", "scheduled", "available")


@dataclass(frozen=True, slots=True)
class StepRow:
    """The job of one node of a run. `queue` is None for a node that needed no job."""

    node: str
    node_index: int
    id: UUID
    kind: str
    state: str
    language: str | None
    attempt: int
    failures: int
    queue: str | None
    enqueued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error_name: str | None
    log_chars: int
    retry_at: datetime | None
    untaken_at: datetime | None
    served: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """As much of a run or job as those who wait for it need; the last three decide who may."""

    workspace: str
    state: str
    ended: bool
    result_of: UUID | None
    cancelled: bool
    cancel_by: str | None
    cancel_reason: str | None
    run_path: str | None
    created_by: str
    extra_perms: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class StandingResult:
    """How something stands; its result, where it has ended with one."""

    standing: Standing
    result: ValueRow | None


def job_row(record: Mapping[str, Any]) -> JobRow:
    """A record of one of the views as a row."""
    return JobRow(**_fields(record))


def _fields(record: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(record)
    values["extra_perms"] = msgspec.json.decode(values["extra_perms"], type=dict[str, bool])
    return values


async def find(conn: Connection, workspace: str, id: UUID) -> JobRow | None:
    """The run or job with this id, whoever may see it; None where the workspace has none."""
    record = await conn.fetchrow(load("job_views")["find"].text, id, workspace)
    return job_row(record) if record else None


async def find_live_run(conn: Connection, workspace: str, id: UUID) -> JobRow | None:
    """The run under way with this id, whoever may see it."""
    record = await conn.fetchrow(load("job_views")["find_live_run"].text, id, workspace)
    return job_row(record) if record else None


async def find_jobs(conn: Connection, workspace: str, ids: Sequence[UUID]) -> dict[UUID, JobRow]:
    """The jobs of nodes, and the bodies, with these ids; those without a row are missing."""
    records = await conn.fetch(load("job_views")["find_jobs"].text, list(ids), workspace)
    return {record["id"]: job_row(record) for record in records}


async def how_it_stands(conn: Connection, workspace: str, id: UUID) -> StandingResult | None:
    """Whether a run has ended, and how. Quick where it has."""
    queries = load("job_views")
    record = await conn.fetchrow(queries["how_it_ended"].text, id, workspace)
    # The second statement asks for both at one moment: a run that ends between the two is in it.
    record = record or await conn.fetchrow(queries["how_it_stands"].text, id, workspace)
    if record is None:
        return None
    fields = _fields(record)
    size, encoding, body, key = (fields.pop(name) for name in ("size", "encoding", "body", "object"))
    standing = Standing(**fields)
    of = standing.result_of
    return StandingResult(
        standing, None if of is None or size is None else ValueRow(of, "result", "", size, encoding, body, key)
    )


async def steps_of(conn: Connection, run: UUID) -> list[StepRow]:
    """The jobs of a run's nodes in document order; nodes that never had one are missing."""
    return [StepRow(**dict(record)) for record in await conn.fetch(load("job_views")["steps_of"].text, run)]


async def top_steps_of(conn: Connection, run: UUID) -> list[StepRow]:
    """The jobs of a run's own nodes, not of those inside others."""
    return [StepRow(**dict(record)) for record in await conn.fetch(load("job_views")["top_steps_of"].text, run)]


async def steps_inside(conn: Connection, run: UUID, frame: UUID) -> list[StepRow]:
    """The jobs of the nodes of one body of a loop or branch."""
    return [StepRow(**dict(record)) for record in await conn.fetch(load("job_views")["steps_inside"].text, run, frame)]


async def runs_of_the_millisecond(conn: Connection, workspace: str, id: UUID) -> list[UUID]:
    """Flow runs of which `id` may be a derived id."""
    return [
        record["id"] for record in await conn.fetch(load("job_views")["runs_of_the_millisecond"].text, id, workspace)
    ]


async def jobs_before(connection: Connection, job: UUID) -> int | None:
    """How many jobs of its queue a waiting job has before it, up to 3,000; None where it waits for no worker."""
    count: int | None = await connection.fetchval(load("job_views")["jobs_before"].text, job)
    return count


async def untaken_since(connection: Connection, job: UUID) -> datetime | None:
    """Since when the object storage does not take what a running job gave; None where it does."""
    since: datetime | None = await connection.fetchval(load("job_views")["untaken_since"].text, job)
    return since


async def ended_state(connection: Connection, id: UUID) -> str | None:
    """How the node with this job id ended: succeeded, failed, cancelled; None while it has not."""
    state: str | None = await connection.fetchval(load("job_views")["ended_state"].text, id)
    return state
