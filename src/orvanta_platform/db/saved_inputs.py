"""Rows of saved inputs of scripts and workflows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("saved_inputs")


class SavedInputRow(msgspec.Struct, frozen=True):
    """Inputs of a script or workflow under a name."""

    id: UUID
    kind: str
    path: str
    name: str
    is_public: bool
    created_by: str
    created_at: datetime
    args: bytes
    """JSON text; empty in lists."""


async def insert(
    conn: Connection,
    workspace: str,
    kind: str,
    path: str,
    *,
    id: UUID,
    name: str,
    args: bytes,
    username: str,
    most: int,
) -> bool:
    """Add a saved input; return False if `username` has `most` of the item already."""
    return await conn.fetchval(_SQL["insert"], id, workspace, kind, path, name, args, username, most) is not None


async def list_page(
    conn: Connection, workspace: str, kind: str, path: str, username: str, *, limit: int, offset: int
) -> list[SavedInputRow]:
    """Return a page of the saved inputs of an item that a member may use, newest first, without their arguments."""
    rows = await conn.fetch(_SQL["list"], workspace, kind, path, username, limit, offset)
    return [SavedInputRow(**dict(row)) for row in rows]


async def get(conn: Connection, workspace: str, id: UUID) -> SavedInputRow | None:
    """Return a saved input."""
    row = await conn.fetchrow(_SQL["get"], workspace, id)
    return SavedInputRow(**dict(row)) if row else None


async def update(conn: Connection, workspace: str, id: UUID, name: str, *, is_public: bool) -> None:
    """Change name and audience of a saved input."""
    await conn.execute(_SQL["update"], workspace, id, name, is_public)


async def delete(conn: Connection, workspace: str, id: UUID) -> None:
    """Delete a saved input."""
    await conn.execute(_SQL["delete"], workspace, id)
