"""Runs and jobs as the wire has them: QueuedJob and CompletedJob, told apart by `type`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.runs import Repeated
from orvanta_platform.http.schemas.flow_status import FlowStatus, flow_status
from orvanta_platform.http.schemas.waiting import Waiting, waiting
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.run_views.jobs import JobDetail
from orvanta_platform.services.run_views.reasons import Reason
from orvanta_platform.services.run_views.results import OptionalResult
from orvanta_platform.services.run_views.updates import Update

T = TypeVar("T")


class Repeats(msgspec.Struct, kw_only=True):
    """The run that this one goes on from (restart, at the node `step_id`, or retry), or runs again (rerun)."""

    kind: str
    job: UUID
    step_id: str | UnsetType = UNSET


class Job(msgspec.Struct, kw_only=True):
    """What both kinds have. Optional fields are absent, never null."""

    id: UUID
    workspace_id: str
    created_by: str
    created_at: datetime
    canceled: bool
    job_kind: str
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
    repeats: Repeats | UnsetType = UNSET


class QueuedJob(Job, tag_field="type", tag="QueuedJob", kw_only=True):
    """Waiting or under way. `suspend` > 0: it waits for people. `wait_reason`: why it does not run yet, in `wait` with
    all that is known of it.
    """

    running: bool
    suspend: int
    started_at: datetime | UnsetType = UNSET
    wait_reason: str | UnsetType = UNSET
    wait: Waiting | UnsetType = UNSET


class CompletedJob(Job, tag_field="type", tag="CompletedJob", kw_only=True):
    """It has ended. What was cancelled before it began "started" when it ended.

    `erase_at`: when its values and its log are erased; `deleted`: that was done then.
    """

    started_at: datetime
    completed_at: datetime
    duration_ms: int
    success: bool
    is_skipped: bool
    deleted: bool
    recovered: bool
    result: Raw | UnsetType = UNSET
    erase_at: datetime | UnsetType = UNSET


class ResultMaybe(msgspec.Struct, kw_only=True):
    """`success` is null while `completed` is false."""

    completed: bool
    started: bool
    success: bool | None
    result: Raw


class Timing(msgspec.Struct, kw_only=True):
    created_at: datetime
    started_at: datetime | UnsetType = UNSET
    duration_ms: int | UnsetType = UNSET


class JobUpdate(msgspec.Struct, kw_only=True):
    """What changed; `log_offset` is where to go on reading the log, in characters, `stream_offset` the same for what
    the job streams. Another `stream_attempt` than before: `new_result_stream` replaces what there was.
    """

    running: bool
    completed: bool
    new_logs: str | UnsetType = UNSET
    log_offset: int | UnsetType = UNSET
    mem_peak: int | UnsetType = UNSET
    new_result_stream: str | UnsetType = UNSET
    stream_offset: int | UnsetType = UNSET
    stream_attempt: int | UnsetType = UNSET
    flow_status: FlowStatus | UnsetType = UNSET


class QueueCount(msgspec.Struct, kw_only=True):
    database_length: int
    suspended: int


def listed(row: JobRow) -> QueuedJob | CompletedJob:
    """A row of a list: without arguments, result, log and code."""
    return _job(row, {})


def detailed(detail: JobDetail) -> QueuedJob | CompletedJob:
    """One job with all that belongs to it."""
    return _job(
        detail.row,
        {
            "args": Raw(detail.args),
            "logs": _given(detail.logs),
            "raw_code": _given(detail.raw_code),
            "raw_flow": UNSET if detail.raw_flow is None else Raw(detail.raw_flow),
            "preprocessed": detail.preprocessed or UNSET,
            "flow_status": UNSET if detail.progress is None else flow_status(detail.progress),
            "repeats": repeats(detail.repeats),
        },
        result=UNSET if detail.result is None else Raw(detail.result),
        why=detail.why,
    )


def repeats(found: Repeated | None) -> Repeats | UnsetType:
    """The run that a run repeats."""
    return UNSET if found is None else Repeats(kind=found.kind, job=found.run, step_id=_given(found.node))


def result_maybe(found: OptionalResult) -> ResultMaybe:
    return ResultMaybe(
        completed=found.completed, started=found.started, success=found.success, result=Raw(found.result)
    )


def timing(row: JobRow) -> Timing:
    """When it was made, began and how long it took."""
    return Timing(
        created_at=row.created_at,
        started_at=_given(row.started_at),
        duration_ms=duration_ms(row.started_at, row.ended_at),
    )


def update(found: Update, *, with_logs: bool) -> JobUpdate:
    """An update as the wire has it."""
    return JobUpdate(
        running=found.running,
        completed=found.completed,
        new_logs=found.new_logs if with_logs else UNSET,
        log_offset=found.log_offset if with_logs else UNSET,
        mem_peak=_given(found.mem_peak_kb),
        new_result_stream=found.new_stream or UNSET,
        stream_offset=_given(found.stream_offset),
        stream_attempt=_given(found.stream_attempt),
        flow_status=UNSET if found.progress is None else flow_status(found.progress),
    )


def duration_ms(start: datetime | None, end: datetime | None) -> int | UnsetType:
    """Whole milliseconds from start to end, absent where one of them is missing."""
    if start is None or end is None:
        return UNSET
    return max(0, (end - start) // timedelta(milliseconds=1))


def _job(
    row: JobRow,
    belongings: dict[str, Any],
    *,
    result: Raw | UnsetType = UNSET,
    why: Reason | None = None,
) -> QueuedJob | CompletedJob:
    common = {**_common(row), **belongings}
    if not row.ended:
        why = why or jobs.reason_of(row)
        return QueuedJob(
            **common,
            running=row.running,
            suspend=1 if row.state == "awaiting_approval" else 0,
            started_at=_given(row.started_at),
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
        erase_at=_given(row.erase_at),
        recovered=row.recovered,
        result=result,
    )


_KINDS = {"frame": "flow", **dict.fromkeys(("forloopflow", "whileloopflow", "branchone", "branchall"), "flownode")}
"""The wire's words for what the platform names by the kind of node."""


def _common(row: JobRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "workspace_id": row.workspace,
        "created_by": row.created_by,
        "created_at": row.created_at,
        "canceled": row.cancelled,
        "job_kind": _KINDS.get(row.kind, row.kind),
        "permissioned_as": row.permissioned_as,
        "is_flow_step": row.is_step,
        "email": row.email,
        "visible_to_owner": True,
        "tag": row.queue or ("flow" if row.is_flow else ""),
        "priority": row.priority,
        "trigger_kind": row.trigger,
        "scheduled_for": row.scheduled_at,
        "schedule_path": _given(row.schedule_path),
        "parent_job": _given(row.parent),
        "root_job": UNSET if row.root == row.id else row.root,
        "flow_step_id": _given(row.node),
        "script_path": _given(row.path),
        "script_hash": _given(row.script_hash),
        "language": _given(row.language),
        "canceled_by": _given(row.cancel_by) if row.cancelled else UNSET,
        "canceled_reason": _given(row.cancel_reason) if row.cancelled else UNSET,
        "labels": _given(row.labels),
        "worker": _given(row.worker),
        "mem_peak": _given(row.mem_peak_kb),
    }


def _given(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
