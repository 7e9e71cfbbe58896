"""Rows of favourites: workflows and scripts that a member marked."""

from __future__ import annotations

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("favourites")


async def insert(conn: Connection, workspace: str, username: str, kind: str, path: str) -> bool:
    """Mark an item; return False if it was marked."""
    return await conn.fetchval(_SQL["insert"], workspace, username, kind, path) is not None


async def count(conn: Connection, workspace: str, username: str) -> int:
    """Return the number of favourites of a member."""
    return int(await conn.fetchval(_SQL["count"], workspace, username))


async def delete(conn: Connection, workspace: str, username: str, kind: str, path: str) -> bool:
    """Remove a mark; return False if there was none."""
    return await conn.fetchval(_SQL["delete"], workspace, username, kind, path) is not None


async def exists(conn: Connection, workspace: str, username: str, kind: str, path: str) -> bool:
    """Return whether an item is a favourite of a member."""
    found: bool = await conn.fetchval(_SQL["exists"], workspace, username, kind, path)
    return found
