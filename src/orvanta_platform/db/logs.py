"""Chunks of job logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

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


async def append(connection: Connection, chunks: Sequence[LogChunk]) -> None:
    """Keep these chunks; one that was kept before stays as it is."""
    rows = [tuple(getattr(chunk, name) for name in LogChunk.__slots__) for chunk in chunks]
    await connection.executemany(load("logs")["append_log"].text, rows)
