"""Logs as they are read: by characters, whichever chunks they came in."""

from __future__ import annotations

import zlib
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load

PAGE = 64
"""Chunks read at once: at most about 4 MiB of text."""


async def read_log(conn: Connection, job: UUID, offset: int, *, attempt: int | None = None, chunks: int = PAGE) -> str:
    """The log from character `offset` (≥ 0) on, as far as `chunks` chunks reach; empty at its end.

    Attempts follow one another as one text; with `attempt` only that one is read.
    """
    records = await conn.fetch(load("log_reads")["read_log"].text, job, offset, attempt, chunks)
    if not records:
        return ""
    text = "".join(zlib.decompress(record["body"]).decode() for record in records)
    return text[max(offset - records[0]["first_char"], 0) :]
