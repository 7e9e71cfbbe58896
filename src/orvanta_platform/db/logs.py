"""Logs of jobs as they are written: chunks while a job runs, one object where the log was long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class LogChunk:
    """`chars` characters of an attempt's log from `first_char` on; `body` is their UTF-8, zlib."""

    job: UUID
    attempt: int
    seq: int
    first_char: int
    chars: int
    body: bytes


@dataclass(frozen=True, slots=True)
class KeptChunk:
    """A chunk as it is kept, with the time at which it was written."""

    seq: int
    chars: int
    body: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Frame:
    """A part of an object: how many characters its `bytes` bytes hold, and when the last of them was written."""

    chars: int
    bytes: int
    at: datetime


async def append(connection: Connection, chunks: Sequence[LogChunk], *, openings: int | None = None) -> bool:
    """Keep these chunks of one attempt, in one statement; one of the same seq that was kept before is replaced.

    False where the attempt has another number of openings than `openings` (None: any): nothing was kept then.
    """
    columns = [[getattr(chunk, name) for chunk in chunks] for name in LogChunk.__slots__]
    found: int = await connection.fetchval(load("logs")["append_log"].text, *columns, openings)
    return openings is None or found == openings


async def chunks_from(connection: Connection, job: UUID, attempt: int, seq: int, most: int) -> list[KeptChunk]:
    """At most `most` chunks of an attempt, those of `seq` (≥ 0) and after."""
    rows = await connection.fetch(load("logs")["chunks_from"].text, job, attempt, seq, most)
    return [KeptChunk(**dict(row)) for row in rows]


async def replace_by_object(
    connection: Connection, job: UUID, attempt: int, object: str, frames: Sequence[Frame]
) -> None:
    """Name the object that holds an attempt's log and drop its chunks. Call it in a transaction.

    Raises asyncpg.UniqueViolationError if the log of this attempt is stored as another object.
    """
    columns = [[getattr(frame, name) for frame in frames] for name in Frame.__slots__]
    if await connection.fetchval(load("logs")["name_object"].text, job, attempt, object, *columns) is None:
        raise asyncpg.UniqueViolationError(f"the log of attempt {attempt} of job {job} is another object")
    await connection.execute(load("logs")["drop_chunks"].text, job, attempt)
