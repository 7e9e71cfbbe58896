"""Streams of jobs, read by offsets. Callers check permissions.

An offset consists of an attempt and a number of characters of its stream: for attempt n it is (n - 1) × 2³² plus that
number. A retry restarts the stream; an offset of an earlier attempt then means its start.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from uuid import UUID

import msgspec

from orvanta_platform.db import streams
from orvanta_platform.db.pool import Database
from orvanta_platform.db.streams import StreamPiece

PAGE_CHARS = 1 << 20
"""Number of characters per read."""

_ATTEMPT_BITS = 32
_IN_THREAD_FROM = 32 << 10


class Streamed(msgspec.Struct, frozen=True):
    """Text of the newest attempt with a stream."""

    text: str
    offset: int
    """Offset after the text."""
    attempt: int | None
    """None: there is no new text."""


async def read(db: Database, job: UUID, offset: int, *, limit: int = PAGE_CHARS) -> Streamed:
    """Return up to `limit` characters of a stream after `offset` (≥ 0); at its end no text and the same offset."""
    known, start = (offset >> _ATTEMPT_BITS) + 1, offset & ((1 << _ATTEMPT_BITS) - 1)
    async with db.acquire() as conn:
        pieces = await streams.read(conn, job, known, start, limit)
    if not pieces:
        return Streamed("", offset, None)
    attempt = pieces[0].attempt
    if attempt != known:
        start = 0
    large = sum(len(piece.body) for piece in pieces) >= _IN_THREAD_FROM
    text = await asyncio.to_thread(_joined, pieces) if large else _joined(pieces)
    skipped = start - pieces[0].first_char
    text = text[skipped : skipped + limit]
    return Streamed(text, ((attempt - 1) << _ATTEMPT_BITS) + start + len(text), attempt)


async def read_all(db: Database, job: UUID) -> str:
    """Return the whole stream of the newest attempt that has one. That attempt must have ended."""
    pages, offset = [], 0
    while (page := await read(db, job, offset)).text:
        pages.append(page.text)
        offset = page.offset
    return "".join(pages)


def _joined(pieces: Sequence[StreamPiece]) -> str:
    return "".join(zlib.decompress(piece.body).decode("utf-8", "replace") for piece in pieces)
