"""Workers as the wire has them."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.db.worker_views import WorkerRow


class Worker(msgspec.Struct, kw_only=True):
    """`last_ping` is seconds since its last beat; without `custom_tags` it serves every queue."""

    worker: str
    worker_instance: str
    started_at: datetime
    ip: str
    jobs_executed: int
    worker_group: str
    wm_version: str
    last_ping: float
    slots: int
    occupancy_rate: float
    job_isolation: str
    state: str
    custom_tags: list[str] | UnsetType = UNSET


def worker(row: WorkerRow) -> Worker:
    return Worker(
        worker=row.name,
        worker_instance=row.instance,
        started_at=row.started_at,
        ip=row.ip,
        jobs_executed=row.jobs_executed,
        worker_group=row.worker_group,
        wm_version=row.version,
        last_ping=max(0.0, row.last_beat_s),
        slots=row.slots,
        occupancy_rate=min(1.0, row.running / row.slots) if row.slots else 0.0,
        job_isolation=row.isolation,
        state=row.state,
        custom_tags=UNSET if row.queues is None else row.queues,
    )
