"""Schemas of workers and queues."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.control.worker_groups import WorkerGroup
from orvanta_platform.db.alerts import AlertRow
from orvanta_platform.db.worker_views import QueueRow, WorkerRow
from orvanta_platform.http.schemas.reasons import ReasonCode, reason_code
from orvanta_platform.reasons import restored


class Worker(msgspec.Struct, kw_only=True):
    """A worker."""

    id: UUID
    worker: str
    worker_instance: str
    started_at: datetime
    ip: str
    jobs_executed: int
    worker_group: str
    wm_version: str
    last_ping: float
    """Seconds since its last heartbeat."""

    slots: int
    running: int
    """Number of slots in use."""

    drained: bool
    """True if it claims no more jobs."""

    occupancy_rate: float
    job_isolation: str
    state: str
    custom_tags: list[str] | UnsetType = UNSET
    """Queues that it serves; absent if it serves all queues."""


class Queue(msgspec.Struct, kw_only=True):
    """A queue that has jobs."""

    queue: str
    waiting: int
    oldest_s: float | None
    """Seconds for which the oldest startable job has been waiting; null if no job may start now."""

    running: int
    workers: int
    """Number of live workers that serve the queue and are not drained."""


class QueueMetric(msgspec.Struct, kw_only=True):
    """A measured value of a queue."""

    created_at: datetime
    value: float


class QueueMetrics(msgspec.Struct, kw_only=True):
    """Number of jobs of a queue that may start."""

    id: str
    """The queue, after `queue_count_`."""

    values: list[QueueMetric]
    """The present value."""


class TagCount(msgspec.Struct, kw_only=True):
    """Number of ended jobs of a queue."""

    tag: str
    count: int


class Demand(msgspec.Struct):
    """Demand for workers."""

    desired_workers: int
    """Number of workers that the waiting and running jobs need; 0: there are none."""


class Alert(msgspec.Struct):
    """An alert that is raised."""

    kind: str
    """queue_age, no_worker, database_size, disk, failing_workflow, group_workers, lost_workers, missed_schedule or
    expiring_token."""

    subject: str
    """The queue, the server, the worker group, the token, or `flow/<path>`, `script/<path>` or `schedule/<path>`."""

    workspace: str | None
    detail: str
    """Description, and what to do about it."""

    detail_code: ReasonCode | None
    """Code of the description; null if an earlier version raised the alert."""

    since: datetime


def alert(row: AlertRow) -> Alert:
    """Convert an alert."""
    found = restored(row.detail)
    return Alert(row.kind, row.subject, row.workspace, found.message, reason_code(found), row.since)


class NamedWorkerGroup(msgspec.Struct):
    """A worker group."""

    name: str
    config: WorkerGroup | None
    """Its settings; null if it has live workers, and no settings."""

    version: str | UnsetType = UNSET
    """Version of the settings, for `base_version` of a change. Superadmins and devops only."""


class SetWorkerGroup(WorkerGroup, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings to store for a worker group."""

    base_version: str | None = None
    """Version that the change is based on: 409 if the group has another one. null: any version."""

    def settings(self) -> WorkerGroup:
        """Return the settings alone."""
        return WorkerGroup(**{name: getattr(self, name) for name in WorkerGroup.__struct_fields__})


class DrainBody(msgspec.Struct, kw_only=True):
    """The new drain state of a worker."""

    drained: bool = True
    """True if the worker is drained; false lets it claim jobs again."""


def queue(row: QueueRow) -> Queue:
    """Convert a queue."""
    oldest_s = None if row.oldest_s is None else max(0.0, row.oldest_s)
    return Queue(queue=row.queue, waiting=row.waiting, oldest_s=oldest_s, running=row.running, workers=row.workers)


def worker(row: WorkerRow) -> Worker:
    """Convert a worker."""
    return Worker(
        id=row.id,
        worker=row.name,
        worker_instance=row.instance,
        started_at=row.started_at,
        ip=row.ip,
        jobs_executed=row.jobs_executed,
        worker_group=row.worker_group,
        wm_version=row.version,
        last_ping=max(0.0, row.last_beat_s),
        slots=row.slots,
        running=row.running,
        drained=row.drained,
        occupancy_rate=min(1.0, row.running / row.slots) if row.slots else 0.0,
        job_isolation=row.isolation,
        state=row.state,
        custom_tags=UNSET if row.queues is None else row.queues,
    )


def metrics(counts: Mapping[str, int], at: datetime) -> list[QueueMetrics]:
    """Convert the numbers of startable jobs by queue, as of one moment."""
    return [
        QueueMetrics(id=f"queue_count_{name}", values=[QueueMetric(created_at=at, value=number)])
        for name, number in counts.items()
    ]
