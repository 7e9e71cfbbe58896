"""Writing logs of jobs: chunks while a job runs, one object for a long log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("logs")


class LogChunk(msgspec.Struct, frozen=True):
    """`chars` characters of an attempt's log from `first_char` on; `body` is their UTF-8, zlib."""

    job: UUID
    attempt: int
    seq: int
    first_char: int
    chars: int
    body: bytes


class StoredChunk(msgspec.Struct, frozen=True):
    """A stored chunk, with the time at which it was written."""

    seq: int
    chars: int
    body: bytes
    at: datetime


class ObjectFrame(msgspec.Struct, frozen=True):
    """A part of an object: the number of characters in its `bytes` bytes, and when the last of them was written."""

    chars: int
    bytes: int
    at: datetime


async def append(
    connection: Connection,
    chunks: Sequence[LogChunk],
    *,
    openings: int | None = None,
    table: Literal["log_chunk", "stream_chunk"] = "log_chunk",
) -> bool:
    """Store chunks of one attempt's log, or stream, in one statement; a stored chunk of the same seq is replaced.

    Returns False, with nothing stored, if the attempt's number of openings is not `openings` (None: any).
    """
    columns = [[getattr(chunk, name) for chunk in chunks] for name in LogChunk.__struct_fields__]
    query = _SQL["append_chunks"].replace("log_chunk", table)
    found: int = await connection.fetchval(query, *columns, openings)
    return openings is None or found == openings


async def list_chunks(connection: Connection, job: UUID, attempt: int, seq: int, limit: int) -> list[StoredChunk]:
    """Return at most `limit` chunks of an attempt, from `seq` (≥ 0) on."""
    rows = await connection.fetch(_SQL["list_chunks"], job, attempt, seq, limit)
    return [StoredChunk(**dict(row)) for row in rows]


async def replace_by_object(
    connection: Connection, job: UUID, attempt: int, object: str, frames: Sequence[ObjectFrame]
) -> None:
    """Record the object that holds an attempt's log and delete its chunks. Must be called in a transaction.

    Raises asyncpg.UniqueViolationError if the log of this attempt is stored as another object.
    """
    columns = [[getattr(frame, name) for frame in frames] for name in ObjectFrame.__struct_fields__]
    if await connection.fetchval(_SQL["insert_object"], job, attempt, object, *columns) is None:
        raise asyncpg.UniqueViolationError(f"the log of attempt {attempt} of job {job} is another object")
    await connection.execute(_SQL["delete_chunks"], job, attempt)
