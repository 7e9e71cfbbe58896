"""The history of a run, line by line."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("history")


class HistoryPosition(msgspec.Struct, frozen=True):
    """Position in a history: all lines up to the one with this time, rank (within one moment) and id were read."""

    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    rank: int = 0
    id: str = ""


class HistoryRow(msgspec.Struct, frozen=True):
    """A line of a history."""

    id: str
    at: datetime
    rank: int
    kind: str
    node: str | None
    node_index: int | None
    """Number of the node if `node` does not name it."""
    job: UUID | None
    """Job of the attempt or decision."""
    attempt: int | None
    place: int | None
    worker: str | None
    state: str | None
    """Outcome, decision, or reason for the end of an attempt."""
    error_name: str | None
    data: str | None
    """JSON text of an event."""


async def list_lines(
    conn: Connection, run: UUID, after: HistoryPosition, limit: int, *, inside: bool, has_nodes: bool
) -> list[HistoryRow]:
    """Return at most `limit` lines of a run after a position, in order. `inside`: include those of inner nodes."""
    place = (after.at, after.rank, after.id)
    rows = await conn.fetch(_SQL["list_lines"], run, inside, has_nodes, *place, limit)
    return [HistoryRow(**dict(row)) for row in rows]
