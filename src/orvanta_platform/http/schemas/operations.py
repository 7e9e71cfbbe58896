"""Schemas of the figures of operations over time."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orvanta_platform.services.maintenance import statistics


class OperationsPoint(msgspec.Struct, kw_only=True):
    """Figures of one interval. Values of a state are the largest of the interval; null: not recorded."""

    at: datetime
    """Start of the interval."""

    succeeded: int
    """Number of runs that succeeded in the interval, without sub-workflows."""

    failed: int
    cancelled: int
    wait_p50_s: float | None
    """Median of the time between the enqueuing of a job and its first claim; null if no job ended."""

    wait_p95_s: float | None
    """The 95th percentile of the same time."""

    waiting: int | None
    """Number of jobs that could start."""

    running: int | None
    oldest_s: float | None
    """Seconds for which the oldest startable job had been waiting."""

    slots: int | None
    """Number of slots of the live workers; null in the figures of a workspace."""

    database_bytes: int | None
    """Size of the database; null in the figures of a workspace."""

    oldest_xmin_s: float | None
    """Age of the oldest transaction that held back vacuum; null in the figures of a workspace."""


class Operations(msgspec.Struct, kw_only=True):
    """Figures over time. Intervals without any figure are left out."""

    since: datetime
    until: datetime
    width_s: float
    points: list[OperationsPoint]


def chart(found: statistics.Chart) -> Operations:
    """Convert figures over time."""
    fields = OperationsPoint.__struct_fields__
    return Operations(
        since=found.since,
        until=found.until,
        width_s=found.width.total_seconds(),
        points=[OperationsPoint(**{name: getattr(each, name) for name in fields}) for each in found.points],
    )
