"""Text of logs by character offsets, wherever it is kept. Permission is decided by the callers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

from orvanta_platform.db import log_reads
from orvanta_platform.db.pool import Database
from orvanta_platform.errors import StorageError
from orvanta_platform.services.logs import lines as log_lines
from orvanta_platform.services.logs.objects import open_pieces
from orvanta_platform.storage import Storage

PAGE_CHARS = 1 << 20
"""Characters read at once."""


async def read(
    db: Database, storage: Storage, job: UUID, start: int, *, attempt: int | None = None, most: int = PAGE_CHARS
) -> str:
    """Up to `most` characters of a job's log from `start` on; empty at its end.

    All attempts are one text, or only `attempt`. Objects are read with no connection held. Raises ObjectMissing,
    StorageError.
    """
    async with db.acquire() as conn:
        pieces = await log_reads.read_log(conn, job, start, start + most, attempt=attempt)
    if not pieces:
        return ""
    text = "".join(await open_pieces(storage, pieces))
    skipped = max(start - pieces[0].first_char, 0)
    return text[skipped : skipped + most]


async def pages(db: Database, storage: Storage, job: UUID, *, attempt: int | None = None) -> AsyncIterator[str]:
    """The whole log, a page at a time. Where a later page cannot be read, a line says so and ends it.

    The first page raises what `read` raises.
    """
    offset = 0
    while True:
        try:
            page = await read(db, storage, job, offset, attempt=attempt)
        except StorageError as error:
            if not offset:
                raise
            yield f"\n{unreadable(error)}"
            return
        if not page:
            return
        yield page
        offset += len(page)


def unreadable(error: StorageError) -> str:
    """The line that stands for what cannot be read."""
    return log_lines.line(f"the rest of this log cannot be read: {error}")
