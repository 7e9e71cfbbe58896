"""Rows of schedules. Their `args`, `retry` and `…_extra_args` are JSON text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("schedules")


class ScheduleSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Editable settings of a schedule. Handlers are named `script/<path>`, `flow/<path>` or by a script's path."""

    cron: str
    timezone: str
    next_at: datetime | None
    missed: str
    args: str | None
    tag: str | None
    retry: str | None
    no_flow_overlap: bool
    paused_until: datetime | None
    dynamic_skip: str | None
    on_failure: str | None
    on_failure_times: int | None
    on_failure_exact: bool | None
    on_failure_extra_args: str | None
    on_recovery: str | None
    on_recovery_times: int | None
    on_recovery_extra_args: str | None
    on_success: str | None
    on_success_extra_args: str | None
    ws_error_handler_muted: bool | None
    summary: str | None
    description: str | None
    cron_version: str | None
    labels: list[str] | None
    permissioned_as: str
    email: str
    scopes: list[str] | None
    """Scopes of the token that wrote it; None: its runs are not limited by scopes."""


class ScheduleRow(ScheduleSettings, frozen=True, kw_only=True):
    """A schedule. `next_at` None: it is disabled or has no further tick. `error`: why the last tick did not start."""

    id: UUID
    workspace: str
    path: str
    script_path: str
    is_flow: bool
    enabled: bool
    error: str | None
    extra_perms: dict[str, bool]
    created_by: str
    edited_by: str
    edited_at: datetime
    script_summary: str | None = None
    """Summary of the item, if set by the caller."""


class ScheduleFilter(msgspec.Struct, frozen=True):
    """Conditions of a list. The first four describe the caller (control.permissions.Readable), by default nobody.

    `path` and `is_flow` are those of the target; `args` is JSON text that the arguments contain.
    """

    everything: bool = False
    patterns: list[str] = msgspec.field(default_factory=list)
    principals: list[str] = msgspec.field(default_factory=list)
    scope: list[str] | None = None
    path: str | None = None
    is_flow: bool | None = None
    path_start: str | None = None
    schedule_path: str | None = None
    description: str | None = None
    summary: str | None = None
    label: str | None = None
    broad_filter: str | None = None
    args: str | None = None
    after: str = ""
    limit: int = 30
    offset: int = 0
    paths: Sequence[str] | None = None
    """Paths of the schedules themselves."""


class NextTick(msgspec.Struct, frozen=True):
    """A future tick of the schedule at `path`."""

    path: str
    script_path: str
    is_flow: bool
    timezone: str
    at: datetime
    script_summary: str | None = None
    """Summary of the item, if set by the caller."""


_SETTINGS = list(ScheduleSettings.__struct_fields__)


async def get(conn: Connection, workspace: str, path: str, *, lock: bool = False) -> ScheduleRow | None:
    """Return the schedule at a path; `lock` locks it until the transaction ends."""
    row = await conn.fetchrow(_SQL["lock" if lock else "get"], workspace, path)
    return _schedule(row) if row else None


async def get_by_id(conn: Connection, id: UUID) -> ScheduleRow | None:
    """Return the schedule with this id; None if it was deleted."""
    row = await conn.fetchrow(_SQL["get_by_id"], id)
    return _schedule(row) if row else None


async def lock_by_id(conn: Connection, id: UUID) -> ScheduleRow | None:
    """Return the schedule with this id, locked until the transaction ends; None if it was deleted."""
    row = await conn.fetchrow(_SQL["lock_by_id"], id)
    return _schedule(row) if row else None


async def list_page(conn: Connection, workspace: str, filter: ScheduleFilter) -> list[ScheduleRow]:
    """Return a page of the schedules selected by `filter`, by path."""
    arguments = [getattr(filter, name) for name in ScheduleFilter.__struct_fields__]
    return [_schedule(row) for row in await conn.fetch(_SQL["list"], workspace, *arguments)]


async def list_next_ticks(
    conn: Connection, workspace: str, who: ScheduleFilter, before: datetime, limit: int
) -> list[NextTick]:
    """Return the next tick before `before` of each schedule visible to `who`, the first `limit` of them."""
    sees = (who.everything, who.patterns, who.principals, who.scope)
    rows = await conn.fetch(_SQL["list_next_ticks"], workspace, *sees, before, limit)
    return [NextTick(**dict(row)) for row in rows]


async def insert(
    conn: Connection,
    workspace: str,
    id: UUID,
    path: str,
    target: tuple[str, bool],
    enabled: bool,
    settings: ScheduleSettings,
    username: str,
) -> bool:
    """Add a schedule of `target` (path, whether it is a workflow); return False if the path is taken."""
    values = [id, path, *target, enabled, *_values(settings)]
    return await conn.fetchval(_SQL["insert"], workspace, *values, username) is not None


async def update(conn: Connection, workspace: str, path: str, settings: ScheduleSettings, username: str) -> None:
    """Change the editable settings of a schedule."""
    await conn.execute(_SQL["update"], workspace, path, *_values(settings), username)


async def set_target(conn: Connection, workspace: str, path: str, script_path: str, is_flow: bool) -> None:
    """Change what a schedule runs."""
    await conn.execute(_SQL["set_target"], workspace, path, script_path, is_flow)


async def set_enabled(
    conn: Connection, workspace: str, path: str, enabled: bool, next_at: datetime | None, username: str
) -> None:
    """Enable a schedule with its next tick at `next_at`, or disable it."""
    await conn.execute(_SQL["set_enabled"], workspace, path, enabled, next_at, username)


async def delete(conn: Connection, workspace: str, path: str) -> None:
    """Delete a schedule."""
    await conn.execute(_SQL["delete"], workspace, path)


async def get_time(conn: Connection) -> datetime:
    """Return the time of the database, which schedules use."""
    moment: datetime = await conn.fetchval(_SQL["get_time"])
    return moment


async def list_due(conn: Connection, limit: int, past: datetime) -> list[tuple[ScheduleRow, datetime]]:
    """Return at most `limit` schedules with a tick due after `past`, longest due first, each with the current time."""
    found = []
    for row in await conn.fetch(_SQL["list_due"], limit, past):
        values = dict(row)
        at = values.pop("now")
        found.append((_schedule(values), at))
    return found


async def get_next_tick(conn: Connection, past: datetime) -> tuple[datetime | None, bool, datetime]:
    """Return the next tick of all schedules after `past`, None if there is none; whether there are ticks whose run or
    handlers are unfinished; and the current time."""
    row = await conn.fetchrow(_SQL["get_next_tick"], past)
    return row["next_at"], row["has_unfinished"], row["now"]


async def claim_tick(conn: Connection, row: ScheduleRow, next_at: datetime | None) -> bool:
    """Claim the tick `row.next_at`; return False if it was claimed before, or the schedule has changed."""
    query = _SQL["claim_tick"]
    return await conn.fetchval(query, row.id, row.next_at, next_at, row.edited_at) is not None


async def set_error(conn: Connection, id: UUID, error: str | None) -> None:
    """Record why a tick or handler could not start; None: it started."""
    await conn.execute(_SQL["set_error"], id, error)


def _values(settings: ScheduleSettings) -> list[object]:
    return [getattr(settings, name) for name in _SETTINGS]


def _schedule(row: Any) -> ScheduleRow:
    values = dict(row)
    values["extra_perms"] = msgspec.json.decode(values["extra_perms"], type=dict[str, bool])
    return ScheduleRow(**values)
