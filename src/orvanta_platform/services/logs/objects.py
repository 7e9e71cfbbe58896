"""Storage of a long log as one object, assembled from the chunks of an ended attempt and read by ranges.

An object is a sequence of frames, each the zlib-compressed UTF-8 of some characters. The row that names the object
contains the length of each frame, so that a range is read without the rest.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from itertools import groupby, pairwise
from uuid import UUID

import msgspec

from orvanta_platform.db import logs
from orvanta_platform.db.log_reads import LogPiece
from orvanta_platform.db.logs import ObjectFrame, StoredChunk
from orvanta_platform.db.pool import Database
from orvanta_platform.storage import ObjectMissing, Storage

FRAME_CHARS = 64 << 10
"""Consecutive small chunks are combined into frames of at least this many characters."""

_PAGE = 64
_IN_THREAD_FROM = 32 << 10


class Attempt(msgspec.Struct, frozen=True):
    """An attempt of a job, with the parts of its object names."""

    workspace: str
    run: UUID
    job: UUID
    attempt: int

    @property
    def log_key(self) -> str:
        """Key of its log in the object storage."""
        return f"{self.workspace}/{self.run}/{self.job}/{self.attempt}/log"


async def move(db: Database, storage: Storage, attempt: Attempt) -> None:
    """Move the whole log of an ended attempt into one object and delete its chunks.

    The object is written first, then one transaction refers to it: after a crash in between, the chunks still exist.
    Only some chunks are in memory at a time. Raises StorageError.
    """
    frames: list[ObjectFrame] = []
    await storage.put_pieces(attempt.log_key, _frames(db, attempt, frames))
    if frames:
        await db.retrying(
            lambda conn: logs.replace_by_object(conn, attempt.job, attempt.attempt, attempt.log_key, frames)
        )


async def _frames(db: Database, attempt: Attempt, made: list[ObjectFrame]) -> AsyncIterator[bytes]:
    """Yield the bodies of all frames in order, and append their descriptions to `made`."""
    small: list[StoredChunk] = []
    chars = 0
    async for chunk in _chunks(db, attempt):
        small.append(chunk)
        chars += chunk.chars
        if chars >= FRAME_CHARS:
            yield await _frame(small, made)
            small, chars = [], 0
    if small:
        yield await _frame(small, made)


async def _frame(chunks: Sequence[StoredChunk], made: list[ObjectFrame]) -> bytes:
    body = chunks[0].body if len(chunks) == 1 else await asyncio.to_thread(_join, [chunk.body for chunk in chunks])
    made.append(ObjectFrame(sum(chunk.chars for chunk in chunks), len(body), chunks[-1].at))
    return body


def _join(bodies: Sequence[bytes]) -> bytes:
    return zlib.compress(b"".join(zlib.decompress(body) for body in bodies), 1)


async def _chunks(db: Database, attempt: Attempt) -> AsyncIterator[StoredChunk]:
    seq = 0
    while True:
        async with db.acquire() as conn:
            page = await logs.list_chunks(conn, attempt.job, attempt.attempt, seq, _PAGE)
        for chunk in page:
            yield chunk
        if len(page) < _PAGE:
            return
        seq = page[-1].seq + 1


async def open_pieces(storage: Storage, pieces: Sequence[LogPiece]) -> list[str]:
    """Return the text of each piece. Adjacent frames are read in one request. Raises ObjectMissing, StorageError."""
    bodies: list[bytes] = []
    for frames in _adjacent(pieces):
        first, last = frames[0], frames[-1]
        if first.object is None or first.start is None or last.start is None:
            bodies += [piece.body or b"" for piece in frames]
            continue
        length = last.start + last.bytes - first.start
        read = await storage.get_range(first.object, first.start, length)
        if len(read) < length:
            raise ObjectMissing(f"The object {first.object} is shorter than its log.")
        starts = [(frame.start or 0) - first.start for frame in frames]
        bodies += [read[start : start + frame.bytes] for start, frame in zip(starts, frames, strict=True)]
    if sum(len(body) for body in bodies) < _IN_THREAD_FROM:
        return _texts(bodies)
    return await asyncio.to_thread(_texts, bodies)


def _texts(bodies: Sequence[bytes]) -> list[str]:
    return [zlib.decompress(body).decode() for body in bodies]


def _adjacent(pieces: Sequence[LogPiece]) -> list[list[LogPiece]]:
    """Group consecutive pieces that are all rows, or all adjacent frames of one object."""
    breaks = [0]
    for before, piece in pairwise(pieces):
        together = before.object == piece.object and (
            piece.start is None or before.start is None or piece.start == before.start + before.bytes
        )
        breaks.append(breaks[-1] + (not together))
    grouped = groupby(zip(breaks, pieces, strict=False), key=lambda pair: pair[0])
    return [[piece for _, piece in group] for _, group in grouped]
