"""Streams of jobs: text published while they run, stored in chunks like logs."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from orvanta_platform.db import logs
from orvanta_platform.db.logs import LogChunk
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("streams")


class StreamPiece(msgspec.Struct, frozen=True):
    """Characters of an attempt's stream from `first_char` on; `body` is their UTF-8, zlib."""

    attempt: int
    first_char: int
    body: bytes


async def append(connection: Connection, chunks: Sequence[LogChunk], *, openings: int | None = None) -> bool:
    """Store chunks of one attempt's stream like those of its log (`logs.append`)."""
    return await logs.append(connection, chunks, openings=openings, table="stream_chunk")


async def read(conn: Connection, job: UUID, attempt: int, start: int, limit: int) -> list[StreamPiece]:
    """Return the pieces with `limit` characters of the newest attempt that has streamed, in order; none at the end.

    They start at `start` (≥ 0) if that attempt is `attempt`, otherwise at its beginning.
    """
    rows = await conn.fetch(_SQL["read_stream"], job, attempt, start, limit)
    return [StreamPiece(**dict(row)) for row in rows]
