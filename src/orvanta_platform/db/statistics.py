"""Figures of the installation and of workspaces per minute and hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("statistics")


class Figures(msgspec.Struct, frozen=True):
    """Figures of a minute or hour. Counts are sums; the others are states, None if they were not recorded."""

    at: datetime
    succeeded: int
    failed: int
    cancelled: int
    waits: list[int] | None
    """Jobs that ended, by the bucket of the time between their enqueuing and their first claim."""
    waiting: int | None
    running: int | None
    oldest_s: float | None
    slots: int | None
    """Slots of live workers; like the next two, of the installation only."""
    database_bytes: int | None
    oldest_xmin_s: float | None


async def get_last_minute(conn: Connection) -> datetime | None:
    """Return the last recorded minute."""
    found: datetime | None = await conn.fetchval(_SQL["get_last_minute"])
    return found


async def record_minutes(
    conn: Connection, start: datetime, end: datetime, bounds: Sequence[float], *, with_state: bool
) -> None:
    """Record the minutes from `start` to `end`.

    `bounds`: upper bounds in seconds of the buckets of waits. `with_state`: the current state of the queue, the workers
    and the database is that of the last minute.
    """
    await conn.execute(_SQL["record_minutes"], start, end, bounds, with_state)


async def record_hours(conn: Connection, start: datetime, end: datetime) -> None:
    """Record the hours from `start` to `end` from their minutes."""
    await conn.execute(_SQL["record_hours"], start, end)


async def delete_old(conn: Connection, minutes_before: datetime, hours_before: datetime) -> None:
    """Delete old minutes and hours."""
    await conn.execute(_SQL["delete_old"], minutes_before, hours_before)


async def list_figures(conn: Connection, workspace: str | None, since: datetime, *, minutes: bool) -> list[Figures]:
    """Return the figures of a workspace (None: of the installation) since a time, at all times with figures.

    With `minutes` those of minutes; otherwise those of hours, and of the minutes of the current hour.
    """
    return [Figures(**dict(row)) for row in await conn.fetch(_SQL["list_figures"], workspace, since, minutes)]
