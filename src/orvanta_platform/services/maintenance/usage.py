"""Usage of workspaces: runs, run time of jobs and size of files, which the leading server records once an hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

import msgspec

from orvanta_platform import clock
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, require
from orvanta_platform.db import usage as rows
from orvanta_platform.db.usage import DayUsage, NamedUsage, TotalUsage
from orvanta_platform.services.platform import Platform

Span = Literal["7d", "30d", "90d"]

MAX_NAMES: Final = 100
"""Maximum number of items, of members and of workspaces in a response."""

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_MAX_BACKFILL: Final = timedelta(hours=24)
"""Age of the oldest hours that are recorded later, for example after an upgrade."""

HOURS_RETENTION: Final = timedelta(days=3)
"""Age at which the figures of hours are deleted."""

DAYS_RETENTION: Final = timedelta(days=400)
"""Age at which the figures of days are deleted."""


class WorkspaceUsage(msgspec.Struct, frozen=True):
    """Usage of a workspace. Days without a server are left out."""

    since: datetime
    until: datetime
    """End of the last recorded hour."""
    days: Sequence[DayUsage]
    items: Sequence[NamedUsage]
    members: Sequence[NamedUsage]


class InstanceUsage(msgspec.Struct, frozen=True):
    """Usage of the workspaces of the instance."""

    since: datetime
    until: datetime
    workspaces: Sequence[TotalUsage]


async def record(platform: Platform) -> None:
    """Record the hours that have ended since the last recorded one, the days that they belong to, and the rankings.

    The last recorded hour is recorded again, for transactions that were committed late. An hour that is recorded by two
    servers has the same figures.
    """
    end = clock.floor(clock.now(), _HOUR)
    async with platform.db.acquire() as conn:
        last = await rows.get_last_hour(conn)
        if last is not None and last + _HOUR >= end:
            return
        hour = first = max(last or end - _MAX_BACKFILL, end - _MAX_BACKFILL)
        while hour < end:
            await rows.record_hour(conn, hour, hour + _HOUR)
            hour += _HOUR
        await rows.record_days(conn, clock.floor(first, _DAY), end)
    async with platform.db.transaction() as conn:
        for span in get_args(Span):
            await rows.record_rankings(conn, _days(span), _since(span), MAX_NAMES)


async def delete_old(platform: Platform) -> None:
    """Delete hours and days that are no longer needed."""
    now = clock.now()
    async with platform.db.acquire() as conn:
        await rows.delete_old(conn, now - HOURS_RETENTION, now - DAYS_RETENTION)


async def of_workspace(platform: Platform, actor: Actor, workspace: str, span: Span) -> WorkspaceUsage:
    """Return the usage of a workspace. Raises NotFound, Forbidden."""
    require(actor, "list", Target(workspace, "usage"))
    since = _since(span)
    async with platform.db.acquire() as conn:
        return WorkspaceUsage(
            since,
            _until(await rows.get_last_hour(conn), since),
            await rows.list_days(conn, workspace, since),
            await rows.list_ranking(conn, workspace, _days(span), "item"),
            await rows.list_ranking(conn, workspace, _days(span), "member"),
        )


async def of_instance(platform: Platform, actor: Actor, span: Span) -> InstanceUsage:
    """Return the usage of the workspaces. Raises Forbidden."""
    require(actor, "read_usage", Target(None, "instance"))
    since = _since(span)
    async with platform.db.acquire() as conn:
        until = _until(await rows.get_last_hour(conn), since)
        return InstanceUsage(since, until, await rows.list_workspaces(conn, since, MAX_NAMES))


def _since(span: Span) -> datetime:
    """Return the start of the first day of a span that ends today."""
    return clock.floor(clock.now(), _DAY) - (_days(span) - 1) * _DAY


def _days(span: Span) -> int:
    return int(span.removesuffix("d"))


def _until(last: datetime | None, since: datetime) -> datetime:
    return since if last is None else last + _HOUR
