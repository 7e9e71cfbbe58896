"""Text of logs by character offsets, from rows and objects. Callers check permissions."""

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
"""Number of characters per read."""


async def read(
    db: Database, storage: Storage, job: UUID, start: int, *, attempt: int | None = None, limit: int = PAGE_CHARS
) -> str:
    """Return up to `limit` characters of a job's log from `start` on; empty at its end.

    The text consists of all attempts, or only of `attempt`. Objects are read without holding a connection. Raises
    ObjectMissing, StorageError.
    """
    async with db.acquire() as conn:
        pieces = await log_reads.read_log(conn, job, start, start + limit, attempt=attempt)
    if not pieces:
        return ""
    text = "".join(await open_pieces(storage, pieces))
    skipped = max(start - pieces[0].first_char, 0)
    return text[skipped : skipped + limit]


async def pages(db: Database, storage: Storage, job: UUID, *, attempt: int | None = None) -> AsyncIterator[str]:
    """Yield the whole log in pages. If a later page cannot be read, the log ends with a line that says so.

    The first page raises the errors of `read`.
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
    """Return the line that replaces an unreadable part."""
    return log_lines.line(f"the rest of this log cannot be read: {error}")
