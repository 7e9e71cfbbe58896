"""Rows of groups of members."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg
import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group (g/<name>); `members` are usernames."""

    name: str
    summary: str | None
    members: list[str]
    extra_perms: dict[str, bool]


async def list_page(conn: Connection, workspace: str, *, after: str, limit: int, offset: int) -> list[GroupRow]:
    """A page of the groups by name, those past `after`."""
    return [_group(row) for row in await conn.fetch(load("groups")["list"].text, workspace, after, limit, offset)]


async def get(conn: Connection, workspace: str, name: str) -> GroupRow | None:
    """One group."""
    row = await conn.fetchrow(load("groups")["get"].text, workspace, name)
    return _group(row) if row else None


async def names(conn: Connection, workspace: str) -> list[str]:
    """The names of all groups."""
    return [row["name"] for row in await conn.fetch(load("groups")["names"].text, workspace)]


async def insert(conn: Connection, workspace: str, name: str, summary: str | None) -> bool:
    """Make a group; False where there is one of this name."""
    return await conn.fetchval(load("groups")["insert"].text, workspace, name, summary) is not None


async def describe(conn: Connection, workspace: str, name: str, summary: str | None) -> bool:
    """Say what a group is for; False where there is none."""
    return await conn.fetchval(load("groups")["describe"].text, workspace, name, summary) is not None


async def delete(conn: Connection, workspace: str, name: str) -> bool:
    """Delete a group; False where there is none."""
    return await conn.fetchval(load("groups")["delete"].text, workspace, name) is not None


async def add_user(conn: Connection, workspace: str, name: str, username: str) -> bool:
    """Put a member into a group, which must be there; False where there is no such member."""
    return await conn.fetchval(load("groups")["add_user"].text, workspace, name, username) is not None


async def remove_user(conn: Connection, workspace: str, name: str, username: str) -> bool:
    """Take somebody out of a group; False where they were not in it."""
    return await conn.fetchval(load("groups")["remove_user"].text, workspace, name, username) is not None


def _group(row: asyncpg.Record) -> GroupRow:
    perms = msgspec.json.decode(row["extra_perms"], type=dict[str, bool])
    return GroupRow(row["name"], row["summary"], list(row["members"]), perms)
