"""Queries for conditions of alerts."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("alert_conditions")


class MissedSchedule(msgspec.Struct, frozen=True):
    """A schedule that has not started a run in time."""

    workspace: str
    path: str
    error: str | None
    """Reason; None: its tick is overdue."""


class ExpiringToken(msgspec.Struct, frozen=True):
    """A token that expires soon."""

    prefix: str
    label: str | None
    email: str
    workspace: str | None
    expires_at: datetime


async def count_group_workers(conn: Connection) -> dict[str, int]:
    """Return the number of workers that claim jobs, by group."""
    return dict(await conn.fetch(_SQL["count_group_workers"]))


async def count_lost_workers(conn: Connection, within_s: float) -> dict[str, int]:
    """Return the number of workers that were lost within this time in seconds, by group."""
    return dict(await conn.fetch(_SQL["count_lost_workers"], within_s))


async def list_missed_schedules(conn: Connection, overdue_s: float, limit: int) -> list[MissedSchedule]:
    """Return the schedules whose tick is overdue by more than this time in seconds, or whose last tick failed."""
    found = await conn.fetch(_SQL["list_missed_schedules"], overdue_s, limit)
    return [MissedSchedule(**dict(row)) for row in found]


async def list_expiring_tokens(conn: Connection, days: int, limit: int) -> list[ExpiringToken]:
    """Return the tokens that expire within this number of days, except those that are short-lived."""
    return [ExpiringToken(**dict(row)) for row in await conn.fetch(_SQL["list_expiring_tokens"], days, limit)]
