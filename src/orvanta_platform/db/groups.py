"""Rows of groups of members."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("groups")


class GroupRow(msgspec.Struct, frozen=True):
    """A group (g/<name>); `members` are usernames. A manager has the permission to write (true) in `extra_perms`."""

    name: str
    summary: str | None
    members: list[str]
    extra_perms: dict[str, bool]


async def list_page(conn: Connection, workspace: str, *, after: str, limit: int, offset: int) -> list[GroupRow]:
    """Return a page of the groups by name, those after `after`."""
    return [_group(row) for row in await conn.fetch(_SQL["list"], workspace, after, limit, offset)]


async def get(conn: Connection, workspace: str, name: str) -> GroupRow | None:
    """Return one group."""
    row = await conn.fetchrow(_SQL["get"], workspace, name)
    return _group(row) if row else None


async def list_names(conn: Connection, workspace: str) -> list[str]:
    """Return the names of all groups."""
    return [row["name"] for row in await conn.fetch(_SQL["list_names"], workspace)]


async def insert(conn: Connection, workspace: str, name: str, summary: str | None) -> bool:
    """Add a group; return False if the name is taken."""
    return await conn.fetchval(_SQL["insert"], workspace, name, summary) is not None


async def set_summary(conn: Connection, workspace: str, name: str, summary: str | None) -> bool:
    """Set the summary of a group; return False if it does not exist."""
    return await conn.fetchval(_SQL["set_summary"], workspace, name, summary) is not None


async def set_managers(conn: Connection, workspace: str, name: str, usernames: Sequence[str]) -> list[str]:
    """Set the managers of a group in its extra_perms; return the usernames that are not members, which are omitted."""
    await conn.execute(_SQL["set_managers"], workspace, name, list(usernames))
    rows = await conn.fetch(_SQL["list_unknown_members"], workspace, list(usernames))
    return [row["username"] for row in rows]


async def delete(conn: Connection, workspace: str, name: str) -> bool:
    """Delete a group and the permissions granted to it; return False if it does not exist."""
    await conn.execute(_SQL["lock"], workspace, name)
    return await conn.fetchval(_SQL["delete"], workspace, name) is not None


async def add_user(conn: Connection, workspace: str, name: str, username: str) -> bool:
    """Add a member to an existing group; return False if there is no such member."""
    return await conn.fetchval(_SQL["add_user"], workspace, name, username) is not None


async def remove_user(conn: Connection, workspace: str, name: str, username: str) -> bool:
    """Remove a user from a group; return False if they were not in it."""
    return await conn.fetchval(_SQL["remove_user"], workspace, name, username) is not None


def _group(row: asyncpg.Record) -> GroupRow:
    perms = msgspec.json.decode(row["extra_perms"], type=dict[str, bool])
    return GroupRow(row["name"], row["summary"], list(row["members"]), perms)
