"""Calendar of schedules: outcomes of past ticks, and upcoming ticks."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import readable, require_workspace
from orvanta_platform.db import schedules as rows
from orvanta_platform.db import ticks
from orvanta_platform.db.schedules import NextTick, ScheduleFilter, ScheduleRow
from orvanta_platform.db.ticks import PastTick
from orvanta_platform.engine.ticks import Cron
from orvanta_platform.errors import BadRequest
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.triggers import schedules
from orvanta_platform.workflow.time_zones import zone_of

MAX_SCHEDULES = 1_000
MAX_COMING = 2_000
"""Maximum number of upcoming ticks in a calendar. Each takes a tenth of a millisecond to compute."""

MAX_PAST = 500
"""Maximum number of past ticks of one schedule in a calendar; the newest are shown."""

MAX_PERIOD = timedelta(days=35)


class Calendar(msgspec.Struct, frozen=True):
    """Ticks of a period."""

    past: Sequence[tuple[ScheduleRow, PastTick]]
    coming: Sequence[NextTick]
    until: datetime | None
    """Time up to which upcoming ticks are complete, if there are too many; otherwise None."""


async def calendar(platform: Platform, actor: Actor, workspace: str, since: datetime, until: datetime) -> Calendar:
    """Return past and upcoming ticks of the schedules that the actor may read.

    Raises NotFound, Forbidden, BadRequest.
    """
    if not timedelta() < until - since <= MAX_PERIOD:
        raise BadRequest("A calendar covers at most 35 days, and its end must be after its start.")
    found = await schedules.list_page(platform, actor, workspace, ScheduleFilter(limit=MAX_SCHEDULES))
    by_id = {row.id: row for row in found}
    async with platform.db.acquire() as conn:
        past = await ticks.list_between(conn, list(by_id), since, until, MAX_PAST)
    ahead = await asyncio.to_thread(next_ticks, found, since, until, MAX_COMING)
    whole = len(ahead) < MAX_COMING
    return Calendar([(by_id[tick.schedule], tick) for tick in past], ahead, None if whole else ahead[-1].at)


async def next_tick_of_each(
    platform: Platform, actor: Actor, workspace: str, within: timedelta, limit: int
) -> list[NextTick]:
    """Return the next tick of each schedule that the actor may read, limited to the first `limit`.

    Raises NotFound, Forbidden.
    """
    require_workspace(actor, workspace)
    sees = ScheduleFilter(**readable(actor, "schedule").conditions())
    async with platform.db.acquire() as conn:
        found = await rows.list_next_ticks(conn, workspace, sees, await rows.get_time(conn) + within, limit)
        return await schedules.add_names(conn, actor, workspace, found)


def next_ticks(found: Sequence[ScheduleRow], since: datetime, until: datetime, limit: int) -> list[NextTick]:
    """Return the first `limit` upcoming ticks of these schedules from `since` to `until`, in order of time."""
    crons: dict[int, Cron | None] = {}
    queue: list[tuple[datetime, int]] = []
    for index, row in enumerate(found):
        first = row.next_at if row.enabled else None
        if first is not None and first < since:
            crons[index] = cron = _cron_of(row)
            first = cron.first_from(since) if cron is not None else None
        if first is not None:
            queue.append((first, index))
    heapq.heapify(queue)
    made: list[NextTick] = []
    while queue and len(made) < limit:
        at, index = heapq.heappop(queue)
        if at >= until:
            break
        row = found[index]
        made.append(NextTick(row.path, row.script_path, row.is_flow, row.timezone, at))
        if index not in crons:
            crons[index] = _cron_of(row)
        cron = crons[index]
        following = cron.after(at) if cron is not None else None
        if following is not None:
            heapq.heappush(queue, (following, index))
    return made


async def upcoming_of(found: Sequence[ScheduleRow], limit: int) -> list[list[datetime]]:
    """Return `upcoming` for each of these schedules."""
    return await asyncio.to_thread(lambda: [upcoming(row, limit) for row in found])


def upcoming(row: ScheduleRow, limit: int) -> list[datetime]:
    """Return the next ticks of a schedule in its zone, or none if it is disabled or invalid."""
    cron = _cron_of(row) if row.enabled else None
    found: list[datetime] = []
    at = row.next_at
    while cron is not None and at is not None and len(found) < limit:
        found.append(at.astimezone(zone_of(row.timezone)))
        at = cron.after(at)
    return found


def _cron_of(row: ScheduleRow) -> Cron | None:
    """Return the cron expression of a stored schedule, or None if this version cannot parse it."""
    try:
        return Cron(row.cron, zone_of(row.timezone))
    except BadRequest:
        return None
