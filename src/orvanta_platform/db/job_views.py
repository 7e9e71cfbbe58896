"""Views of runs and jobs: one row shape for live and ended ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.db.erasures import ErasureRow
from orvanta_platform.db.gates import LimitRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts
from orvanta_platform.db.values import ValueRow

_SQL = query_texts("job_views")

FLOW_KINDS = frozenset({"flow", "flowpreview"})


class JobRow(msgspec.Struct, frozen=True):
    """A run, or the job of a node (`is_step`), live or `ended`.

    `run_path`, `extra_perms` and `created_by` determine who may see it.
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
    """State of the run or of the job."""
    own_path: str | None
    """Path of the script or workflow that it executes."""
    path: str | None
    """Path for display."""
    run_path: str | None
    extra_perms: Mapping[str, bool]
    version: int | None
    script_hash: str | None
    document: bytes | None
    """Absent in lists."""
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
    """Id that the result is stored under; None for null."""
    worker: str | None
    attempt: int
    failures: int
    mem_peak_kb: int | None
    log_chars: int
    labels: list[str] | None
    run_state: bytes | None
    """Absent in lists."""
    job_state: str | None
    """State of the only job of a run of one node."""
    retry_at: datetime | None
    served: bool
    """True if a live worker serves its queue."""
    summary: str | None = None
    """Summary of the script or workflow at `path`, in lists of runs."""
    schedule_path: str | None = None
    """Schedule that started it, if set by the caller."""
    limit: LimitRow | None = None
    """Limit at which it is queued, if set by the caller."""
    erasure: ErasureRow | None = None
    """Planned or completed erasure of its values and log."""

    @property
    def is_flow(self) -> bool:
        """True if it is a run with its own nodes; a node that calls a sub-workflow is not."""
        return self.kind in FLOW_KINDS and not self.is_step

    @property
    def erase_at(self) -> datetime | None:
        """Time at which its values and log are or were erased."""
        return None if self.erasure is None else self.erasure.erased_at or self.erasure.due_at

    @property
    def erased(self) -> bool:
        """True if its values and log have been erased."""
        return self.erasure is not None and self.erasure.erased_at is not None

    @property
    def success(self) -> bool:
        """True if it succeeded."""
        return self.state == "succeeded"

    @property
    def running(self) -> bool:
        """True if it is live and has started."""
        return not self.ended and self.state not in ("queued", "scheduled", "available")


class NodeJobRow(msgspec.Struct, frozen=True):
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


class JobStatus(msgspec.Struct, frozen=True):
    """The status of a run or job as needed by callers that wait for it; the last three fields determine access."""

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


class StatusWithResult(msgspec.Struct, frozen=True):
    """The status of a run or job, with its result if it has ended with one."""

    standing: JobStatus
    result: ValueRow | None


def job_row(record: Mapping[str, Any]) -> JobRow:
    """Convert a record of one of the views."""
    return JobRow(**_fields(record))


def _fields(record: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(record)
    values["extra_perms"] = msgspec.json.decode(values["extra_perms"], type=dict[str, bool])
    return values


async def find(conn: Connection, workspace: str, id: UUID) -> JobRow | None:
    """Return the run or job with this id, without a permission check; None if the workspace has none."""
    record = await conn.fetchrow(_SQL["find"], id, workspace)
    return job_row(record) if record else None


async def find_live_run(conn: Connection, workspace: str, id: UUID) -> JobRow | None:
    """Return the live run with this id, without a permission check."""
    record = await conn.fetchrow(_SQL["find_live_run"], id, workspace)
    return job_row(record) if record else None


async def find_jobs(conn: Connection, workspace: str, ids: Sequence[UUID]) -> dict[UUID, JobRow]:
    """Return the jobs of nodes, and the bodies, with these ids; those without a row are left out."""
    records = await conn.fetch(_SQL["find_jobs"], list(ids), workspace)
    return {record["id"]: job_row(record) for record in records}


async def get_status(conn: Connection, workspace: str, id: UUID) -> StatusWithResult | None:
    """Return the status of a run and its result; fast if it has ended."""
    record = await conn.fetchrow(_SQL["get_status_of_ended"], id, workspace)
    # The second statement reads both tables in one snapshot, which includes a run that ends between the two.
    record = record or await conn.fetchrow(_SQL["get_status"], id, workspace)
    if record is None:
        return None
    fields = _fields(record)
    size, encoding, body, key = (fields.pop(name) for name in ("size", "encoding", "body", "object"))
    standing = JobStatus(**fields)
    of = standing.result_of
    return StatusWithResult(
        standing, None if of is None or size is None else ValueRow(of, "result", "", size, encoding, body, key)
    )


async def list_node_jobs(conn: Connection, run: UUID) -> list[NodeJobRow]:
    """Return the jobs of a run's nodes in document order; nodes that never had one are left out."""
    return [NodeJobRow(**dict(record)) for record in await conn.fetch(_SQL["list_node_jobs"], run)]


async def list_top_node_jobs(conn: Connection, run: UUID) -> list[NodeJobRow]:
    """Return the jobs of a run's top-level nodes."""
    return [NodeJobRow(**dict(record)) for record in await conn.fetch(_SQL["list_top_node_jobs"], run)]


async def list_node_jobs_inside(conn: Connection, run: UUID, frame: UUID) -> list[NodeJobRow]:
    """Return the jobs of the nodes of one body of a loop or branch."""
    return [NodeJobRow(**dict(record)) for record in await conn.fetch(_SQL["list_node_jobs_inside"], run, frame)]


async def list_runs_of_millisecond(conn: Connection, workspace: str, id: UUID) -> list[UUID]:
    """Return flow runs of which `id` may be a derived id."""
    return [record["id"] for record in await conn.fetch(_SQL["list_runs_of_millisecond"], id, workspace)]


async def count_jobs_before(connection: Connection, job: UUID) -> int | None:
    """Return the number of jobs before a waiting job in its queue, up to 3,000; None if it waits for no worker."""
    count: int | None = await connection.fetchval(_SQL["count_jobs_before"], job)
    return count


async def get_upload_pending_since(connection: Connection, job: UUID) -> datetime | None:
    """Return the time since which the object storage rejects the output of a running job; None if it does not."""
    since: datetime | None = await connection.fetchval(_SQL["get_upload_pending_since"], job)
    return since


async def get_ended_state(connection: Connection, id: UUID) -> str | None:
    """Return the outcome of the node with this job id: succeeded, failed, cancelled; None if it has not ended."""
    state: str | None = await connection.fetchval(_SQL["get_ended_state"], id)
    return state
