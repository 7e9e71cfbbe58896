"""Rows of resources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
import msgspec

from orvanta_platform.db.data_keys import KeyRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """A resource: `value` JSON text as it may be shown (None in lists), `sealed` its secret fields, if it has any."""

    workspace: str
    path: str
    resource_type: str
    value: str | None
    description: str | None
    labels: list[str] | None
    ws_specific: bool | None
    is_linked: bool
    extra_perms: dict[str, bool]
    created_by: str
    edited_at: datetime
    sealed: bytes | None = field(default=None, repr=False)
    key: KeyRow | None = None


@dataclass(frozen=True, slots=True)
class NewResource:
    """A resource to keep; `sealed` under the workspace's data key of `key_version`."""

    path: str
    resource_type: str
    value: str
    sealed: bytes | None
    key_version: int | None
    description: str | None
    labels: list[str] | None
    ws_specific: bool | None


@dataclass(frozen=True, slots=True)
class ResourceFilter:
    """What a list shows. The first four say who asks (control.permissions.Readable); left out: nobody."""

    everything: bool = False
    patterns: list[str] = field(default_factory=list)
    principals: list[str] = field(default_factory=list)
    scope: list[str] | None = None
    types: list[str] | None = None
    types_excluded: list[str] | None = None
    path_start: str | None = None
    path: str | None = None
    description: str | None = None
    value: str | None = None
    label: str | None = None
    after: str = ""
    limit: int = 30
    offset: int = 0


async def get(conn: Connection, workspace: str, path: str, *, lock: bool = False) -> ResourceRow | None:
    """The resource at a path with what opens it; `lock` keeps it as it is until the transaction ends."""
    row = await conn.fetchrow(load("resources")["lock" if lock else "get"].text, workspace, path)
    return _resource(row) if row else None


async def lock_of_type(conn: Connection, workspace: str, name: str) -> list[ResourceRow]:
    """All resources of a type, as they stay until the transaction ends."""
    return [_resource(row) for row in await conn.fetch(load("resources")["lock_of_type"].text, workspace, name)]


async def list_page(conn: Connection, workspace: str, what: ResourceFilter) -> list[ResourceRow]:
    """A page of the resources that `what` lets through, by path, without values."""
    arguments = [getattr(what, name) for name in ResourceFilter.__slots__]
    return [_resource(row) for row in await conn.fetch(load("resources")["list"].text, workspace, *arguments)]


async def insert(conn: Connection, workspace: str, new: NewResource, username: str) -> bool:
    """Add a resource; False where the path is taken."""
    query = load("resources")["insert"].text
    return await conn.fetchval(query, workspace, *_columns(new), username) is not None


async def update(conn: Connection, workspace: str, path: str, new: NewResource, username: str) -> bool:
    """Put `new` in the place of the resource at `path`; False where there is none."""
    query = load("resources")["update"].text
    return await conn.fetchval(query, workspace, *_columns(new), username, path) is not None


async def delete(conn: Connection, workspace: str, path: str) -> bool:
    """Delete a resource; False where there is none."""
    return await conn.fetchval(load("resources")["delete"].text, workspace, path) is not None


def _columns(new: NewResource) -> Sequence[object]:
    return [getattr(new, name) for name in NewResource.__slots__]


def _resource(row: asyncpg.Record) -> ResourceRow:
    values = dict(row)
    wrapped, version, by = (values.pop(name, None) for name in ("wrapped", "key_version", "wrapped_by"))
    perms = msgspec.json.decode(values.pop("extra_perms"), type=dict[str, bool])
    key = KeyRow(version, wrapped, by) if wrapped is not None and version is not None and by is not None else None
    return ResourceRow(**values, extra_perms=perms, key=key)
