"""Rows of resources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
import msgspec

from orvanta_platform.db.data_keys import KeyRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("resources")


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """A resource: `value` is JSON text with secrets masked (None in lists), `sealed` its secret fields, if any."""

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


class NewResource(msgspec.Struct, frozen=True):
    """A resource to store; `sealed` is encrypted with the workspace's data key of `key_version`."""

    path: str
    resource_type: str
    value: str
    sealed: bytes | None
    key_version: int | None
    description: str | None
    labels: list[str] | None
    ws_specific: bool | None


class ResourceFilter(msgspec.Struct, frozen=True):
    """Conditions of a list. The first four describe the caller (control.permissions.Readable), by default nobody."""

    everything: bool = False
    patterns: list[str] = msgspec.field(default_factory=list)
    principals: list[str] = msgspec.field(default_factory=list)
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
    """Return the resource at a path with its data key; `lock` locks it until the transaction ends."""
    row = await conn.fetchrow(_SQL["lock" if lock else "get"], workspace, path)
    return _resource(row) if row else None


async def get_editor(conn: Connection, workspace: str, path: str) -> tuple[str, str | None]:
    """Return the username of the last editor of an existing resource, and the address of its account, if any."""
    row = await conn.fetchrow(_SQL["get_editor"], workspace, path)
    return row["edited_by"], row["email"]


async def lock_of_type(conn: Connection, workspace: str, name: str) -> list[ResourceRow]:
    """Return all resources of a type, locked until the transaction ends."""
    return [_resource(row) for row in await conn.fetch(_SQL["lock_of_type"], workspace, name)]


async def list_page(conn: Connection, workspace: str, filter: ResourceFilter) -> list[ResourceRow]:
    """Return a page of the resources selected by `filter`, by path, without values."""
    arguments = [getattr(filter, name) for name in ResourceFilter.__struct_fields__]
    return [_resource(row) for row in await conn.fetch(_SQL["list"], workspace, *arguments)]


async def insert(conn: Connection, workspace: str, new: NewResource, username: str) -> bool:
    """Add a resource; return False if the path is taken."""
    query = _SQL["insert"]
    return await conn.fetchval(query, workspace, *_columns(new), username) is not None


async def update(conn: Connection, workspace: str, path: str, new: NewResource, editor: str | None) -> bool:
    """Replace the resource at `path`; return False if it does not exist.

    `editor`: the member who stores its value; None: the last editor remains.
    """
    query = _SQL["update"]
    return await conn.fetchval(query, workspace, *_columns(new), editor, path) is not None


async def delete(conn: Connection, workspace: str, path: str) -> bool:
    """Delete a resource; return False if it does not exist."""
    return await conn.fetchval(_SQL["delete"], workspace, path) is not None


def _columns(new: NewResource) -> Sequence[object]:
    return [getattr(new, name) for name in NewResource.__struct_fields__]


def _resource(row: asyncpg.Record) -> ResourceRow:
    values = dict(row)
    wrapped, version, by = (values.pop(name, None) for name in ("wrapped", "key_version", "wrapped_by"))
    perms = msgspec.json.decode(values.pop("extra_perms"), type=dict[str, bool])
    key = KeyRow(version, wrapped, by) if wrapped is not None and version is not None and by is not None else None
    return ResourceRow(**values, extra_perms=perms, key=key)
