"""Schemas of runs and jobs: QueuedJob and CompletedJob, distinguished by `type`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.runs import RepeatedRun
from orvanta_platform.http.schemas.flow_status import FlowStatus, flow_status
from orvanta_platform.http.schemas.waiting import Waiting, waiting
from orvanta_platform.orchestrator.blueprints import NATIVE_QUEUE
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.run_views.exporting import ExportedJob
from orvanta_platform.services.run_views.jobs import JobDetail
from orvanta_platform.services.run_views.reasons import WaitReason
from orvanta_platform.services.run_views.results import OptionalResult
from orvanta_platform.services.run_views.updates import Update

T = TypeVar("T")


class Repeats(msgspec.Struct, kw_only=True):
    """The run that this run restarts, retries or reruns."""

    kind: str
    """restart, retry or rerun."""

    job: UUID
    step_id: str | UnsetType = UNSET
    """Node at which a restart continues."""


class Job(msgspec.Struct, kw_only=True):
    """The common fields of both kinds. Optional fields are absent, never null."""

    id: UUID
    workspace_id: str
    created_by: str
    created_at: datetime
    canceled: bool
    job_kind: str
    node_kind: str | UnsetType = UNSET
    """Kind of a node that `job_kind` calls `flownode`, such as approval or forloopflow."""

    permissioned_as: str
    is_flow_step: bool
    email: str
    visible_to_owner: bool
    tag: str
    priority: int
    trigger_kind: str
    scheduled_for: datetime
    schedule_path: str | UnsetType = UNSET
    parent_job: UUID | UnsetType = UNSET
    root_job: UUID | UnsetType = UNSET
    flow_step_id: str | UnsetType = UNSET
    script_path: str | UnsetType = UNSET
    script_summary: str | UnsetType = UNSET
    """In lists of runs, the summary of the script or workflow at `script_path`."""

    script_hash: str | UnsetType = UNSET
    language: str | UnsetType = UNSET
    canceled_by: str | UnsetType = UNSET
    canceled_reason: str | UnsetType = UNSET
    labels: list[str] | UnsetType = UNSET
    worker: str | UnsetType = UNSET
    mem_peak: int | UnsetType = UNSET
    args: Raw | UnsetType = UNSET
    logs: str | UnsetType = UNSET
    raw_code: str | UnsetType = UNSET
    raw_flow: Raw | UnsetType = UNSET
    flow_status: FlowStatus | UnsetType = UNSET
    preprocessed: bool | UnsetType = UNSET
    """True if `args` are the output of the workflow's preprocessor."""

    received_args: Raw | UnsetType = UNSET
    """Arguments that the run was started with, if `preprocessed`."""

    repeats: Repeats | UnsetType = UNSET


class QueuedJob(Job, tag_field="type", tag="QueuedJob", kw_only=True):
    """A run or job that is queued or running."""

    running: bool
    suspend: int
    """Greater than 0 if it waits for people."""

    started_at: datetime | UnsetType = UNSET
    wait_reason: str | UnsetType = UNSET
    """Reason for which it does not run yet, as a sentence."""

    wait: Waiting | UnsetType = UNSET
    """Reason for which it does not run yet, with details."""


class CompletedJob(Job, tag_field="type", tag="CompletedJob", kw_only=True):
    """A completed run or job."""

    started_at: datetime
    """Time of its start. If it was cancelled before it started, the time of the cancel."""

    completed_at: datetime
    duration_ms: int
    success: bool
    is_skipped: bool
    deleted: bool
    """True if its values and log were erased, at `erase_at`."""

    recovered: bool
    result: Raw | UnsetType = UNSET
    erase_at: datetime | UnsetType = UNSET
    """Time at which its values and log are erased."""


class ResultMaybe(msgspec.Struct, kw_only=True):
    """The result of a job, if it has completed."""

    completed: bool
    started: bool
    success: bool | None
    """Null until the job has completed."""

    result: Raw


class Timing(msgspec.Struct, kw_only=True):
    """The times of a job."""

    created_at: datetime
    started_at: datetime | UnsetType = UNSET
    duration_ms: int | UnsetType = UNSET


class JobUpdate(msgspec.Struct, kw_only=True):
    """The changes of a job since the offsets of the call."""

    running: bool
    completed: bool
    new_logs: str | UnsetType = UNSET
    log_offset: int | UnsetType = UNSET
    """Position in the log from which to continue, in characters."""

    mem_peak: int | UnsetType = UNSET
    new_result_stream: str | UnsetType = UNSET
    """Text streamed since `stream_offset`."""

    stream_offset: int | UnsetType = UNSET
    """Position in the streamed text from which to continue, in characters."""

    stream_attempt: int | UnsetType = UNSET
    """Attempt that streamed the text. If it differs from the last update's, the text replaces the earlier text."""

    flow_status: FlowStatus | UnsetType = UNSET


class QueuePosition(msgspec.Struct, kw_only=True):
    """A position in the queue."""

    position: int | UnsetType = UNSET
    """1 for the first."""


class QueueCount(msgspec.Struct, kw_only=True):
    """A number of runs and jobs."""

    database_length: int
    suspended: int


def listed(row: JobRow) -> QueuedJob | CompletedJob:
    """Convert a row of a list, without arguments, result, log and code."""
    return _job(row, {})


def detailed(detail: JobDetail) -> QueuedJob | CompletedJob:
    """Convert one job with all its details."""
    return _job(
        detail.row,
        {
            "args": Raw(detail.args),
            "logs": _optional(detail.logs),
            "raw_code": _optional(detail.raw_code),
            "raw_flow": UNSET if detail.raw_flow is None else Raw(detail.raw_flow),
            "preprocessed": UNSET if detail.received_args is None else True,
            "received_args": UNSET if detail.received_args is None else Raw(detail.received_args),
            "flow_status": UNSET if detail.progress is None else flow_status(detail.progress),
            "repeats": repeats(detail.repeats),
        },
        result=UNSET if detail.result is None else Raw(detail.result),
        why=detail.why,
    )


_PUBLISHED_TRIGGERS = ("webhook", "schedule", "http")


def exported(found: ExportedJob) -> dict[str, Any]:
    """Convert a completed run or job with its values. Clients know few kinds of triggers; `trigger` has every one."""
    details = {} if found.args is None else {"args": Raw(found.args)}
    job = _job(found.row, details, result=UNSET if found.result is None else Raw(found.result))
    fields = {name: value for name, value in msgspec.structs.asdict(job).items() if value is not UNSET}
    if job.trigger_kind not in _PUBLISHED_TRIGGERS:
        del fields["trigger_kind"]
    return {"type": type(job).__name__, **fields, "trigger": job.trigger_kind}


def repeats(found: RepeatedRun | None) -> Repeats | UnsetType:
    """Convert a reference to a repeated run."""
    return UNSET if found is None else Repeats(kind=found.kind, job=found.run, step_id=_optional(found.node))


def result_maybe(found: OptionalResult) -> ResultMaybe:
    """Convert the result of a job that may not have completed."""
    return ResultMaybe(
        completed=found.completed, started=found.started, success=found.success, result=Raw(found.result)
    )


def timing(row: JobRow) -> Timing:
    """Convert the times of a job."""
    return Timing(
        created_at=row.created_at,
        started_at=_optional(row.started_at),
        duration_ms=duration_ms(row.started_at, row.ended_at),
    )


def update(found: Update, *, with_logs: bool) -> JobUpdate:
    """Convert an update."""
    return JobUpdate(
        running=found.running,
        completed=found.completed,
        new_logs=found.new_logs if with_logs else UNSET,
        log_offset=found.log_offset if with_logs else UNSET,
        mem_peak=_optional(found.mem_peak_kb),
        new_result_stream=found.new_stream or UNSET,
        stream_offset=_optional(found.stream_offset),
        stream_attempt=_optional(found.stream_attempt),
        flow_status=UNSET if found.progress is None else flow_status(found.progress),
    )


def duration_ms(start: datetime | None, end: datetime | None) -> int | UnsetType:
    """Return the whole milliseconds from start to end, or UNSET if one of them is missing."""
    if start is None or end is None:
        return UNSET
    return max(0, (end - start) // timedelta(milliseconds=1))


def _job(
    row: JobRow,
    details: dict[str, Any],
    *,
    result: Raw | UnsetType = UNSET,
    why: WaitReason | None = None,
) -> QueuedJob | CompletedJob:
    common = {**_common(row), **details}
    if not row.ended:
        why = why or jobs.reason_of(row)
        return QueuedJob(
            **common,
            running=row.running,
            suspend=1 if row.state == "awaiting_approval" else 0,
            started_at=_optional(row.started_at),
            wait_reason=UNSET if why is None else why.text,
            wait=UNSET if why is None else waiting(why),
        )
    ended = row.ended_at or row.created_at
    started = row.started_at or ended
    return CompletedJob(
        **common,
        started_at=started,
        completed_at=ended,
        duration_ms=max(0, (ended - started) // timedelta(milliseconds=1)),
        success=row.success,
        is_skipped=row.skipped,
        deleted=row.erased,
        erase_at=_optional(row.erase_at),
        recovered=row.recovered,
        result=result,
    )


_CONTAINERS = ("forloopflow", "whileloopflow", "branchone", "branchall")
_KINDS = {"frame": "flow", **dict.fromkeys((*_CONTAINERS, "condition", "delay", "approval", "webhook"), "flownode")}
"""Job kinds in the API by internal kind, where these differ: clients refuse kinds that they do not know."""


def _common(row: JobRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "workspace_id": row.workspace,
        "created_by": row.created_by,
        "created_at": row.created_at,
        "canceled": row.cancelled,
        "job_kind": _KINDS.get(row.kind, row.kind),
        "node_kind": row.kind if _KINDS.get(row.kind) == "flownode" else UNSET,
        "permissioned_as": row.permissioned_as,
        "is_flow_step": row.is_step,
        "email": row.email,
        "visible_to_owner": True,
        "tag": row.queue or ("flow" if row.is_flow else ""),
        "priority": row.priority,
        "trigger_kind": row.trigger,
        "scheduled_for": row.scheduled_at,
        "schedule_path": _optional(row.schedule_path),
        "parent_job": _optional(row.parent),
        "root_job": UNSET if row.root == row.id else row.root,
        "flow_step_id": _optional(row.node),
        "script_path": _optional(row.path),
        "script_summary": _optional(row.summary),
        "script_hash": _optional(row.script_hash),
        "language": UNSET if row.language == NATIVE_QUEUE else _optional(row.language),
        "canceled_by": _optional(row.cancel_by) if row.cancelled else UNSET,
        "canceled_reason": _optional(row.cancel_reason) if row.cancelled else UNSET,
        "labels": _optional(row.labels),
        "worker": _optional(row.worker),
        "mem_peak": _optional(row.mem_peak_kb),
    }


def _optional(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
