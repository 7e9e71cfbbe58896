"""What happened in a run, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class LinePlace:
    """How far a history was read: all lines up to the one with this time, rank (of one moment) and id."""

    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    rank: int = 0
    id: str = ""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A line. `node_index`: the node's number, where `node` does not name it; `job`: whose attempt, or decision, it is.

    `state`: how something ended, what was said, or why an attempt ended. `data`: JSON text of an event.
    """

    id: str
    at: datetime
    rank: int
    kind: str
    node: str | None
    node_index: int | None
    job: UUID | None
    attempt: int | None
    place: int | None
    worker: str | None
    state: str | None
    error_name: str | None
    data: str | None


async def lines(
    conn: Connection, run: UUID, after: LinePlace, most: int, *, inside: bool, has_nodes: bool
) -> list[HistoryRow]:
    """At most `most` lines of a run behind a place, in order. `inside`: those of nodes inside others too."""
    place = (after.at, after.rank, after.id)
    rows = await conn.fetch(load("history")["lines"].text, run, inside, has_nodes, *place, most)
    return [HistoryRow(**dict(row)) for row in rows]
