"""Rows of resource types."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("resource_types")


class ResourceTypeRow(msgspec.Struct, frozen=True):
    """A resource type: `schema` is JSON text of a JSON Schema. `workspace` None: it is built in."""

    name: str
    schema: str | None
    description: str | None
    format_extension: str | None = None
    is_fileset: bool = False
    workspace: str | None = None
    created_by: str | None = None
    edited_at: datetime | None = None


async def get(conn: Connection, workspace: str, name: str) -> ResourceTypeRow | None:
    """Return the workspace's own type of this name."""
    row = await conn.fetchrow(_SQL["get"], workspace, name)
    return ResourceTypeRow(**row) if row else None


async def list_all(conn: Connection, workspace: str) -> list[ResourceTypeRow]:
    """Return the workspace's own types, by name."""
    return [ResourceTypeRow(**row) for row in await conn.fetch(_SQL["list"], workspace)]


async def insert(conn: Connection, workspace: str, new: ResourceTypeRow, username: str) -> bool:
    """Add a type; return False if the name is taken in the workspace."""
    columns = (new.name, new.schema, new.description, new.format_extension, new.is_fileset)
    return await conn.fetchval(_SQL["insert"], workspace, *columns, username) is not None


async def update(conn: Connection, workspace: str, new: ResourceTypeRow) -> bool:
    """Replace the type of the same name; return False if it does not exist."""
    columns = (new.name, new.schema, new.description, new.format_extension, new.is_fileset)
    return await conn.fetchval(_SQL["update"], workspace, *columns) is not None


async def delete(conn: Connection, workspace: str, name: str) -> bool:
    """Delete a type; return False if it does not exist."""
    return await conn.fetchval(_SQL["delete"], workspace, name) is not None


async def is_used(conn: Connection, workspace: str, name: str) -> bool:
    """Return whether the workspace has a resource of this type."""
    return bool(await conn.fetchval(_SQL["is_used"], workspace, name))
