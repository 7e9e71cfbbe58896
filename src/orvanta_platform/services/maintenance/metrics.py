"""Figures of the installation for metrics."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from orvanta_platform.db import metrics
from orvanta_platform.db.metrics import DatabaseFigures, JobCount, WorkerCount
from orvanta_platform.measurements import MAX_QUEUES
from orvanta_platform.services.platform import Platform


class Figures(msgspec.Struct, frozen=True):
    """Figures of the queue, the workers and the database at one moment."""

    jobs: list[JobCount]
    workers: list[WorkerCount]
    runs: dict[str, int]
    database: DatabaseFigures
    dead_rows: dict[str, int]


async def read_figures(platform: Platform) -> Figures:
    """Read the figures."""
    async with platform.db.acquire() as conn:
        return Figures(
            await metrics.count_jobs(conn, MAX_QUEUES),
            await metrics.count_workers(conn),
            await metrics.count_live_runs(conn),
            await metrics.get_database_figures(conn),
            await metrics.count_dead_rows(conn),
        )


async def count_ended(platform: Platform, runs: Sequence[UUID]) -> None:
    """Add runs that ended in this process to its measurements."""
    if not runs:
        return
    async with platform.db.acquire() as conn:
        counts = await metrics.count_ended_runs(conn, runs)
    for each in counts:
        platform.measurements.runs.add(each.trigger, each.outcome, by=each.runs)
