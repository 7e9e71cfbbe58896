"""Statistics of the operations page, read from figures that the leading server records once a minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Literal

import msgspec

from orvanta_platform import clock
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, require
from orvanta_platform.db import statistics as rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.statistics import Figures
from orvanta_platform.measurements import SECONDS
from orvanta_platform.services.platform import Platform

Span = Literal["1h", "24h", "7d"]

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_SPANS: dict[str, tuple[timedelta, timedelta]] = {
    "1h": (_HOUR, _MINUTE),
    "24h": (timedelta(hours=24), timedelta(minutes=15)),
    "7d": (timedelta(days=7), timedelta(hours=2)),
}
"""Length of each span, and the width of its points."""

_MAX_BACKFILL = timedelta(hours=24)
"""Age of the oldest minutes that are recorded later, for example after an upgrade."""

_STRIDE = timedelta(minutes=30)
"""Maximum period that one statement records."""

MINUTES_RETENTION = timedelta(hours=26)
"""Age at which the figures of minutes are deleted."""

HOURS_RETENTION = timedelta(days=31)
"""Age at which the figures of hours are deleted."""


class Point(msgspec.Struct, frozen=True):
    """Figures of one interval: sums of counts, the largest values of states (None: not recorded)."""

    at: datetime
    """Start of the interval."""
    succeeded: int
    failed: int
    cancelled: int
    wait_p50_s: float | None
    """Median of the time between the enqueuing of jobs and their first claim; None without jobs."""
    wait_p95_s: float | None
    waiting: int | None
    running: int | None
    oldest_s: float | None
    slots: int | None
    database_bytes: int | None
    oldest_xmin_s: float | None


class Chart(msgspec.Struct, frozen=True):
    """Figures over time. Intervals without any figure are left out."""

    since: datetime
    until: datetime
    width: timedelta
    points: Sequence[Point]


async def record(platform: Platform) -> None:
    """Record the minutes that have ended since the last recorded one, and the hours that ended with them.

    The last recorded minute is recorded again, for transactions that were committed late. A minute that is recorded by
    two servers has the same figures.
    """
    async with platform.db.acquire() as conn:
        await _record_until(conn, clock.floor(clock.now(), _MINUTE))


async def delete_old(platform: Platform) -> None:
    """Delete minutes and hours that no chart shows."""
    now = clock.now()
    async with platform.db.acquire() as conn:
        await rows.delete_old(conn, now - MINUTES_RETENTION, now - HOURS_RETENTION)


async def of_workspace(platform: Platform, actor: Actor, workspace: str, span: Span) -> Chart:
    """Return the figures of a workspace. Raises NotFound, Forbidden."""
    require(actor, "list", Target(workspace, "operations"))
    return await _chart(platform, workspace, span)


async def of_instance(platform: Platform, actor: Actor, span: Span) -> Chart:
    """Return the figures of all workspaces together, of the workers and of the database. Raises Forbidden."""
    require(actor, "see_all_workers", Target(None, "instance"))
    return await _chart(platform, None, span)


async def _record_until(conn: Connection, end: datetime) -> None:
    last = await rows.get_last_minute(conn)
    if last == end - _MINUTE:
        return
    start = max(last or end - _MAX_BACKFILL, end - _MAX_BACKFILL)
    while start < end:
        until = min(start + _STRIDE, end)
        await rows.record_minutes(conn, start, until, SECONDS, with_state=until == end)
        first_hour, last_hour = clock.floor(start, _HOUR), clock.floor(until, _HOUR)
        if first_hour < last_hour:
            await rows.record_hours(conn, first_hour, last_hour)
        start = until


async def _chart(platform: Platform, workspace: str | None, span: Span) -> Chart:
    length, width = _SPANS[span]
    until = clock.floor(clock.now(), width) + width
    since = until - length
    async with platform.db.acquire() as conn:
        figures = await rows.list_figures(conn, workspace, since, minutes=length <= MINUTES_RETENTION)
    grouped = groupby(figures, key=lambda each: clock.floor(each.at, width))
    return Chart(since, until, width, [_point(at, list(members)) for at, members in grouped])


def _point(at: datetime, figures: Sequence[Figures]) -> Point:
    waits = [sum(counts) for counts in zip(*(each.waits for each in figures if each.waits), strict=True)]
    return Point(
        at,
        sum(each.succeeded for each in figures),
        sum(each.failed for each in figures),
        sum(each.cancelled for each in figures),
        quantile(waits, 0.5),
        quantile(waits, 0.95),
        *(
            max((value for each in figures if (value := getattr(each, name)) is not None), default=None)
            for name in ("waiting", "running", "oldest_s", "slots", "database_bytes", "oldest_xmin_s")
        ),
    )


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Return the quantile of times in seconds by their numbers per bucket, linear within a bucket; None without times.

    Times above the largest bound count as that bound.
    """
    total = sum(counts)
    if total == 0:
        return None
    rank, below = share * total, 0
    for count, (low, high) in zip(counts, pairwise((0.0, *SECONDS)), strict=False):
        if count and below + count >= rank:
            return low + (high - low) * (rank - below) / count
        below += count
    return SECONDS[-1]
