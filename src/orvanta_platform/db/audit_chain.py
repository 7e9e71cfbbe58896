"""Rows of the hash chain of the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from orvanta_platform.db.audit import AuditRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("audit_chain")
Position = tuple[int, int]
"""Transaction and id of a row. Rows are linked in the order of their positions."""

INSTANCE = ""
"""Workspace of the chain of rows that belong to no workspace."""


class Link(msgspec.Struct, frozen=True):
    """A link of the chain of a workspace."""

    workspace: str
    n: int
    audit: int
    row_hash: bytes
    hash: bytes


class StoredLink(msgspec.Struct, frozen=True):
    """A link with its row; None: the row is gone."""

    link: Link
    row: AuditRow | None


async def get_position(conn: Connection) -> Position:
    """Return a position up to which all rows are linked."""
    row = await conn.fetchrow(_SQL["get_position"])
    return (row["xid"], row["id"]) if row else (0, 0)


async def is_linked(conn: Connection, position: Position) -> bool:
    """Return whether there is a row at a position, with a link."""
    found: bool = await conn.fetchval(_SQL["is_linked"], *position)
    return found


async def has_unlinked(conn: Connection, after: Position) -> bool:
    """Return whether rows can be linked after a position, or there is no row at it, with a link."""
    found: bool = await conn.fetchval(_SQL["has_unlinked"], *after)
    return found


async def list_unlinked(conn: Connection, after: Position, limit: int) -> list[tuple[AuditRow, Position]]:
    """Return rows that can be linked after a position, with their positions, in order."""
    rows = await conn.fetch(_SQL["list_unlinked"], *after, limit)
    return [(_row(row), (row["xid"], row["id"])) for row in rows]


async def get_heads(conn: Connection, workspaces: Sequence[str]) -> dict[str, tuple[int, bytes]]:
    """Return number and hash of the last link of each of these workspaces that has one."""
    return {row["workspace"]: (row["n"], row["hash"]) for row in await conn.fetch(_SQL["get_heads"], list(workspaces))}


async def append(conn: Connection, links: Sequence[Link]) -> None:
    """Append links."""
    fields = ("workspace", "n", "audit", "row_hash", "hash")
    await conn.execute(_SQL["append"], *([getattr(link, name) for link in links] for name in fields))


async def list_links(conn: Connection, workspace: str, after: int, limit: int) -> list[StoredLink]:
    """Return links of a workspace after the link `after`, with their rows."""
    rows = await conn.fetch(_SQL["list_links"], workspace, after, limit)
    return [
        StoredLink(
            Link(workspace, row["n"], row["audit"], row["row_hash"], row["hash"]),
            None if row["id"] is None else _row(row),
        )
        for row in rows
    ]


async def count_unlinked(conn: Connection, workspace: str) -> tuple[int, int | None]:
    """Return the number of rows of a workspace that are not linked although they are older than 10 seconds.

    The second value is the id of the first of them; None: there are none.
    """
    count, first = await conn.fetchrow(_SQL["count_unlinked"], workspace)
    return count, first


async def list_heads(conn: Connection) -> dict[str, tuple[int, bytes]]:
    """Return number and hash of the last link of every chain, by workspace."""
    return {row["workspace"]: (row["n"], row["hash"]) for row in await conn.fetch(_SQL["list_heads"])}


async def get_checkpoint(conn: Connection, workspace: str) -> tuple[int, bytes] | None:
    """Return number and hash of the last link of a chain that was deleted; None if the chain is complete."""
    row = await conn.fetchrow(_SQL["get_checkpoint"], workspace)
    return (row["n"], row["hash"]) if row else None


async def list_chains(conn: Connection) -> list[str]:
    """Return the workspaces that have a chain."""
    return [row["workspace"] for row in await conn.fetch(_SQL["list_chains"])]


async def drop_oldest(conn: Connection, workspace: str, before: datetime, limit: int) -> tuple[int, bytes, int] | None:
    """Delete up to `limit` of the first rows of a chain that are older than `before`, as the owner of the tables.

    Return number and hash of the last deleted link and the number of rows; None if nothing was deleted. The last link
    of a chain is never deleted.
    """
    await conn.execute(_SQL["allow_retention"])
    row = await conn.fetchrow(_SQL["drop_oldest"], workspace, before, limit)
    return (row["n"], row["hash"], row["rows"]) if row else None


def _row(row: asyncpg.Record) -> AuditRow:
    return AuditRow(**{name: row[name] for name in AuditRow.__struct_fields__})
