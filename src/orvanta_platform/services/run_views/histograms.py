"""Histogram of runs by creation time, shown above the list of runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.control.actor import Actor
from orvanta_platform.db import job_lists
from orvanta_platform.db.job_lists import JobFilter, StateCount
from orvanta_platform.errors import BadRequest
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs

MAX_BUCKETS = 200
MAX_RUNS = 50_000
"""Maximum number of runs read, so that the cost of a call does not grow with the history."""

USUAL = timedelta(days=1)
"""Default length of a histogram without a start time."""

_MAX_PERIOD = timedelta(days=3660)


class Histogram(msgspec.Struct, frozen=True):
    """Counts of runs per bucket."""

    since: datetime
    until: datetime
    width: timedelta
    """Width of a bucket."""
    counted: Sequence[StateCount]
    counted_from: datetime | None
    """Time from which runs were counted, if not all were; otherwise None."""


async def histogram(
    platform: Platform, actor: Actor, workspace: str, filter: JobFilter, buckets: int, limit: int = MAX_RUNS
) -> Histogram:
    """Count the runs that the actor may read by creation time and status.

    Only the newest `limit` ended runs of the workspace are read, of failed ones the newest `limit` of these, or, if an
    index finds those that match, the newest `limit` of them. Raises BadRequest.
    """
    visible = jobs.visible(actor, workspace)
    until = filter.created_before or clock.now()
    try:
        since = filter.created_after or until - USUAL
        length = until - since
    except OverflowError as error:
        raise BadRequest("created_before is too early.") from error
    except TypeError as error:
        raise BadRequest("A time of the histogram has no zone.", hint="Write it as 2026-01-31T08:00:00Z.") from error
    if not timedelta() < length <= _MAX_PERIOD:
        raise BadRequest("created_after must be before created_before, by ten years at most.")
    width = max(length / min(max(buckets, 1), MAX_BUCKETS), timedelta.resolution)
    filter = replace(filter, created_after=since)
    async with platform.db.acquire() as conn:
        filter = await jobs.with_named_paths(conn, actor, workspace, filter)
        is_indexed = job_lists.is_indexed(filter)
        unread = None if is_indexed else await job_lists.find_ended_run(conn, workspace, filter, limit)
        counted = await job_lists.count_over_time(
            conn, workspace, visible, filter, width.total_seconds(), limit, None if unread is None else unread[0]
        )
    sees_all = visible.everything and visible.scope is None
    return Histogram(since, until, width, counted, _counted_from(counted, unread, limit, exact=sees_all))


def _counted_from(
    counted: Sequence[StateCount], unread: tuple[UUID, datetime] | None, limit: int, *, exact: bool
) -> datetime | None:
    """Return the time from which runs were counted. Not `exact`: in hours, because the run may be hidden."""
    if sum(each.runs for each in counted) >= limit:
        return min(each.first_at for each in counted)
    if unread is None:
        return None
    return unread[1] if exact else unread[1].replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
