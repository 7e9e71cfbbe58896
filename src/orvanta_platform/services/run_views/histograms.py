"""How many runs were made when: what the list of runs draws above its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orvanta_platform import clock
from orvanta_platform.control.actor import Actor
from orvanta_platform.db import job_lists
from orvanta_platform.db.job_lists import Counted, JobFilter
from orvanta_platform.errors import BadRequest
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs

MOST_BUCKETS = 200
MOST_RUNS = 50_000
"""Runs that are counted, at most: what a call costs does not grow with the history."""

USUAL = timedelta(days=1)
"""How far back a histogram goes that names no beginning."""

_LONGEST = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class Histogram:
    """`width`: of a bucket. `counted_from`: the oldest run that was counted, where not all were; else None."""

    since: datetime
    until: datetime
    width: timedelta
    counted: Sequence[Counted]
    counted_from: datetime | None


async def histogram(
    platform: Platform, actor: Actor, workspace: str, filter: JobFilter, buckets: int, most: int = MOST_RUNS
) -> Histogram:
    """Runs that this actor may read, by when they were made and how they stand. Raises BadRequest."""
    visible = jobs.visible(actor, workspace)
    until = filter.created_before or clock.now()
    since = filter.created_after or until - USUAL
    try:
        long = until - since
    except TypeError as error:
        raise BadRequest("A time of the histogram names no zone.", hint="Write it as 2026-01-31T08:00:00Z.") from error
    if not timedelta() < long <= _LONGEST:
        raise BadRequest("created_after must be before created_before, by ten years at most.")
    width = long / min(max(buckets, 1), MOST_BUCKETS)
    filter = replace(filter, created_after=since)
    async with platform.db.acquire() as conn:
        counted = await job_lists.count_over_time(conn, workspace, visible, filter, width.total_seconds(), most)
    whole = sum(each.runs for each in counted) < most
    counted_from = None if whole else min(each.first_at for each in counted)
    return Histogram(since, until, width, counted, counted_from)
