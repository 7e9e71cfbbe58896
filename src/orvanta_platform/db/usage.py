"""Usage of workspaces per hour and day."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("usage")


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Runs that ended, without sub-workflows, and the run time of jobs in seconds."""

    runs: int
    failed: int
    job_s: float


class DayUsage(Usage, frozen=True, kw_only=True):
    """Usage of a workspace in a day (UTC)."""

    at: datetime
    """Start of the day."""
    file_bytes: int
    """Size of its files at the end of the last recorded hour."""


class NamedUsage(Usage, frozen=True, kw_only=True):
    """Usage of a script or workflow `<kind>/<path>` ("": other runs), or of a member `u/<username>`."""

    name: str


class TotalUsage(NamedUsage, frozen=True, kw_only=True):
    """Usage of a workspace."""

    file_bytes: int


async def get_last_hour(conn: Connection) -> datetime | None:
    """Return the last recorded hour."""
    found: datetime | None = await conn.fetchval(_SQL["get_last_hour"])
    return found


async def record_hour(conn: Connection, start: datetime, end: datetime) -> None:
    """Record the hour from `start` to `end`."""
    await conn.execute(_SQL["record_hour"], start, end)


async def record_days(conn: Connection, start: datetime, end: datetime) -> None:
    """Record the days from `start` to `end` from their hours."""
    await conn.execute(_SQL["record_days"], start, end)


async def record_rankings(conn: Connection, days: int, since: datetime, limit: int) -> None:
    """Record the items and members with the longest run time in the last `days`, in the caller's transaction."""
    await conn.execute(_SQL["delete_rankings"], days)
    await conn.execute(_SQL["record_rankings"], days, since, limit)


async def delete_old(conn: Connection, hours_before: datetime, days_before: datetime) -> None:
    """Delete old hours and days."""
    await conn.execute(_SQL["delete_old"], hours_before, days_before)


async def list_days(conn: Connection, workspace: str, since: datetime) -> list[DayUsage]:
    """Return the days of a workspace since a time."""
    return [DayUsage(**row) for row in await conn.fetch(_SQL["list_days"], workspace, since)]


async def list_ranking(
    conn: Connection, workspace: str, days: int, dimension: Literal["item", "member"]
) -> list[NamedUsage]:
    """Return the usage of the items or members of a workspace in the last `days`, the longest run time first."""
    rows = await conn.fetch(_SQL["list_ranking"], workspace, days, dimension)
    return [NamedUsage(**row) for row in rows]


async def list_workspaces(conn: Connection, since: datetime, limit: int) -> list[TotalUsage]:
    """Return the usage of the workspaces since a time, the longest run time first."""
    return [TotalUsage(**row) for row in await conn.fetch(_SQL["list_workspaces"], since, limit)]
