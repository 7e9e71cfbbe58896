"""What jobs stream: text given away while they run, in chunks like those of a log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from orvanta_platform.db.logs import LogChunk
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class StreamPiece:
    """Characters of an attempt's stream from `first_char` on; `body` is their UTF-8, zlib."""

    attempt: int
    first_char: int
    body: bytes


async def append(connection: Connection, chunks: Sequence[LogChunk], *, openings: int | None = None) -> bool:
    """Keep these chunks of one attempt, in one statement; one of the same seq that was kept before is replaced.

    False where the attempt has another number of openings than `openings` (None: any): nothing was kept then.
    """
    columns = [[getattr(chunk, name) for chunk in chunks] for name in LogChunk.__slots__]
    found: int = await connection.fetchval(load("streams")["append_stream"].text, *columns, openings)
    return openings is None or found == openings


async def read(conn: Connection, job: UUID, attempt: int, start: int, most: int) -> list[StreamPiece]:
    """The pieces that hold `most` characters of the newest attempt that has streamed, in order; none at the end.

    They begin at `start` (≥ 0) where that attempt is `attempt`, else at its beginning.
    """
    rows = await conn.fetch(load("streams")["read_stream"].text, job, attempt, start, most)
    return [StreamPiece(**dict(row)) for row in rows]
