"""Workers as the wire has them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.db.worker_views import QueueRow, WorkerRow


class Worker(msgspec.Struct, kw_only=True):
    """`last_ping` is seconds since its last beat; without `custom_tags` it serves every queue. `running`: slots in use.

    `drained`: it claims nothing more.
    """

    id: UUID
    worker: str
    worker_instance: str
    started_at: datetime
    ip: str
    jobs_executed: int
    worker_group: str
    wm_version: str
    last_ping: float
    slots: int
    running: int
    drained: bool
    occupancy_rate: float
    job_isolation: str
    state: str
    custom_tags: list[str] | UnsetType = UNSET


class Queue(msgspec.Struct, kw_only=True):
    """A queue that has jobs. `oldest_s`: for how long the oldest that may start now could; null: none may.

    `workers`: how many live that serve it and are not drained.
    """

    queue: str
    waiting: int
    oldest_s: float | None
    running: int
    workers: int


class DrainBody(msgspec.Struct, kw_only=True):
    """`drained` false: it claims again."""

    drained: bool = True


def queue(row: QueueRow) -> Queue:
    """A queue."""
    oldest_s = None if row.oldest_s is None else max(0.0, row.oldest_s)
    return Queue(queue=row.queue, waiting=row.waiting, oldest_s=oldest_s, running=row.running, workers=row.workers)


def worker(row: WorkerRow) -> Worker:
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
