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


def _group(row: asyncpg.Record) -> GroupRow:
    perms = msgspec.json.decode(row["extra_perms"], type=dict[str, bool])
    return GroupRow(row["name"], row["summary"], list(row["members"]), perms)
