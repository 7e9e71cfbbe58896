"""Rows of folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts
from orvanta_platform.db.tokens import Grant

_SQL = query_texts("folders")


class FolderRow(msgspec.Struct, frozen=True):
    """A folder: `owners` and the keys of `extra_perms` are `u/…` and `g/…`."""

    name: str
    summary: str | None
    owners: list[str]
    extra_perms: dict[str, bool]
    created_by: str
    edited_at: datetime


async def get(conn: Connection, workspace: str, name: str) -> FolderRow | None:
    """Return the folder with this name."""
    row = await conn.fetchrow(_SQL["get"], workspace, name)
    return FolderRow(**{**row, "extra_perms": _perms(row["extra_perms"])}) if row else None


async def list_page(
    conn: Connection,
    workspace: str,
    *,
    everything: bool,
    names: Sequence[str],
    scope: Sequence[str] | None,
    after: str,
    limit: int,
    offset: int,
) -> list[FolderRow]:
    """Return readable folders by name, those after `after`. `scope`: LIKE patterns of `f/<name>`."""
    query = _SQL["list"]
    rows = await conn.fetch(query, workspace, everything, names, scope, after, limit, offset)
    return [FolderRow(**{**row, "extra_perms": _perms(row["extra_perms"])}) for row in rows]


async def list_grants(conn: Connection, workspace: str, principals: Sequence[str]) -> list[Grant]:
    """Return the permissions that folders grant to these principals."""
    rows = await conn.fetch(_SQL["list_grants"], workspace, principals)
    return [Grant(row["name"], row["owners"], _perms(row["extra_perms"])) for row in rows]


async def insert(
    conn: Connection,
    workspace: str,
    name: str,
    *,
    summary: str | None,
    owners: Sequence[str],
    extra_perms: Mapping[str, bool],
    created_by: str,
) -> bool:
    """Add a folder; return False if the name is taken."""
    perms = msgspec.json.encode(extra_perms).decode()
    query = _SQL["insert"]
    return await conn.fetchval(query, workspace, name, summary, owners, perms, created_by) is not None


async def update(
    conn: Connection,
    workspace: str,
    name: str,
    *,
    summary: str | None,
    owners: Sequence[str] | None,
    extra_perms: Mapping[str, bool] | None,
) -> int | None:
    """Change the fields that are not None; return the number of principals of the folder, None if it does not exist."""
    perms = None if extra_perms is None else msgspec.json.encode(extra_perms).decode()
    found: int | None = await conn.fetchval(_SQL["update"], workspace, name, summary, owners, perms)
    return found


async def add_owner(conn: Connection, workspace: str, name: str, owner: str) -> int | None:
    """Make `owner` (`u/…`, `g/…`) an owner; return as `update` does."""
    found: int | None = await conn.fetchval(_SQL["add_owner"], workspace, name, owner)
    return found


async def remove_owner(conn: Connection, workspace: str, name: str, owner: str, write: bool | None) -> int | None:
    """Remove an owner, who keeps permission to write, to read, or none (None); return as `update` does."""
    query = _SQL["remove_owner"]
    found: int | None = await conn.fetchval(query, workspace, name, owner, write)
    return found


async def delete(conn: Connection, workspace: str, name: str) -> bool:
    """Delete a folder; return False if it does not exist."""
    return await conn.fetchval(_SQL["delete"], workspace, name) is not None


def _perms(text: str) -> dict[str, bool]:
    return msgspec.json.decode(text, type=dict[str, bool])
