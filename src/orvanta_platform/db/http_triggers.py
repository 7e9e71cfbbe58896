"""Rows of HTTP triggers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("http_triggers")


class HttpTriggerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Editable settings of a trigger; `route_key` and `route_first` are those of its route (control.route_paths)."""

    route_path: str
    route_key: str
    route_first: str
    http_method: str
    workspaced_route: bool
    script_path: str
    is_flow: bool
    mode: str
    request_type: str
    authentication_method: str
    authentication_resource_path: str | None
    wrap_body: bool
    raw_string: bool
    summary: str | None
    description: str | None
    labels: list[str] | None
    permissioned_as: str
    email: str
    scopes: list[str] | None
    """Scopes of the token that wrote it; None: its runs are not limited by scopes."""
    retry: str | None
    """JSON text of the retry of the scripts that it starts."""


class HttpTriggerRow(HttpTriggerSettings, frozen=True, kw_only=True):
    """An HTTP trigger."""

    id: UUID
    workspace: str
    path: str
    disabled_reason: str | None
    extra_perms: dict[str, bool]
    created_by: str
    edited_by: str
    edited_at: datetime


class HttpTriggerFilter(msgspec.Struct, frozen=True):
    """Conditions of a list. The first four describe the caller (control.permissions.Readable), by default nobody.

    `path` and `is_flow` are those of the target.
    """

    everything: bool = False
    patterns: list[str] = msgspec.field(default_factory=list)
    principals: list[str] = msgspec.field(default_factory=list)
    scope: list[str] | None = None
    path: str | None = None
    is_flow: bool | None = None
    path_start: str | None = None
    label: str | None = None
    after: str = ""
    limit: int = 30
    offset: int = 0
    paths: Sequence[str] | None = None
    """Paths of the triggers themselves."""


_SETTINGS = list(HttpTriggerSettings.__struct_fields__)


async def get(conn: Connection, workspace: str, path: str, *, lock: bool = False) -> HttpTriggerRow | None:
    """Return the trigger at a path; `lock` locks it until the transaction ends."""
    row = await conn.fetchrow(_SQL["lock" if lock else "get"], workspace, path)
    return _trigger(row) if row else None


async def find_candidates(conn: Connection, method: str, first: str, second: str) -> list[HttpTriggerRow]:
    """Return triggers of a method, enabled or not, that a request with these first path segments may match, unordered.

    If `first` is the id of a workspace, all of them belong to that workspace.
    """
    rows = await conn.fetch(_SQL["find_candidates"], method, first, second)
    return [_trigger(row) for row in rows]


async def lock_instance_routes(conn: Connection) -> None:
    """Lock out concurrent writes of instance routes and creation of workspaces until the transaction ends."""
    await conn.execute(_SQL["lock_instance_routes"])


async def is_first_segment(conn: Connection, part: str) -> bool:
    """Return whether an instance route starts with this path segment."""
    return bool(await conn.fetchval(_SQL["is_first_segment"], part))


async def list_other_instance_routes(conn: Connection, workspace: str, method: str, first: str) -> list[str]:
    """Return instance routes of other workspaces that may start with the path segment `first` (empty: any)."""
    rows = await conn.fetch(_SQL["list_other_instance_routes"], workspace, method, first)
    return [row["route_path"] for row in rows]


async def find_route_owner(
    conn: Connection, workspace: str, method: str, route_key: str, workspaced: bool
) -> tuple[str, str] | None:
    """Return workspace and path of the trigger that has this route."""
    row = await conn.fetchrow(_SQL["find_route_owner"], workspace, method, route_key, workspaced)
    return (row["workspace"], row["path"]) if row else None


async def list_page(conn: Connection, workspace: str, filter: HttpTriggerFilter) -> list[HttpTriggerRow]:
    """Return a page of the triggers selected by `filter`, by path."""
    arguments = [getattr(filter, name) for name in HttpTriggerFilter.__struct_fields__]
    return [_trigger(row) for row in await conn.fetch(_SQL["list"], workspace, *arguments)]


async def insert(
    conn: Connection, workspace: str, id: UUID, path: str, settings: HttpTriggerSettings, username: str
) -> bool:
    """Add a trigger; return False if the path is taken. Raises asyncpg.UniqueViolationError if the route is taken."""
    values = [id, path, *_values(settings), username]
    return await conn.fetchval(_SQL["insert"], workspace, *values) is not None


async def update(conn: Connection, workspace: str, path: str, settings: HttpTriggerSettings, username: str) -> None:
    """Change the editable settings of a trigger. Raises asyncpg.UniqueViolationError if the route is taken."""
    await conn.execute(_SQL["update"], workspace, path, *_values(settings), username)


async def release_routes(conn: Connection, workspace: str, paths: Sequence[str]) -> None:
    """Free the routes of triggers, which `update` must set again in the same transaction."""
    await conn.execute(_SQL["release_routes"], workspace, paths)


async def set_mode(conn: Connection, workspace: str, path: str, mode: str, username: str) -> None:
    """Enable or disable a trigger."""
    await conn.execute(_SQL["set_mode"], workspace, path, mode, username)


async def delete(conn: Connection, workspace: str, path: str) -> None:
    """Delete a trigger."""
    await conn.execute(_SQL["delete"], workspace, path)


async def record_call(conn: Connection, run: UUID, data: str) -> None:
    """Record the request (JSON text) that started a run."""
    await conn.execute(_SQL["record_call"], run, data)


def _values(settings: HttpTriggerSettings) -> list[object]:
    return [getattr(settings, name) for name in _SETTINGS]


def _trigger(row: Any) -> HttpTriggerRow:
    values = dict(row)
    values["extra_perms"] = msgspec.json.decode(values["extra_perms"], type=dict[str, bool])
    return HttpTriggerRow(**values)
