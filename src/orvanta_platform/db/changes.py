"""Rows of the audit trail about changes of items, in the order of their transactions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("changes")


class ChangeRow(msgspec.Struct, frozen=True):
    """Row of the audit trail about an item; `parameters` is JSON text."""

    xid: int
    at: datetime
    actor: str
    operation: str
    resource: str | None
    parameters: str | None
    name: str
    email: str


async def get_horizon(conn: Connection) -> int:
    """Return the oldest running transaction."""
    number: int = await conn.fetchval(_SQL["get_horizon"])
    return number


async def list_changes(
    conn: Connection, workspace: str, start: int, end: int, nouns: Sequence[str], limit: int
) -> list[ChangeRow]:
    """Return changes of items by the transactions from `start` up to `end`, in their order: at most `limit`, and the
    further ones of the last transaction.
    """
    rows = await conn.fetch(_SQL["list"], workspace, start, end, list(nouns), limit)
    return [ChangeRow(**dict(row)) for row in rows]
