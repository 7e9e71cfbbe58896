"""JSON text kept inline or by reference: made ready before a commit, read back as it was."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Literal
from uuid import UUID

from orvanta_platform.db import values
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.steps import NewValue
from orvanta_platform.db.values import ValueKey, ValueRow
from orvanta_platform.orchestrator import value_blocks
from orvanta_platform.storage import Storage

COMPRESS_FROM = 8 << 10
"""Bytes of JSON from which a value is compressed."""

INLINE_LIMIT = 256 << 10
"""Bytes of JSON up to which a value stays in the database; larger ones are objects."""

_PLAIN, _ZLIB, _FRAMES = 0, 1, 2
_IN_THREAD_FROM = 64 << 10


def inline(id: UUID, kind: Literal["args", "result", "context", "resume"], raw: bytes, name: str = "") -> NewValue:
    """The row of a value of at most INLINE_LIMIT bytes."""
    if len(raw) >= COMPRESS_FROM:
        body = zlib.compress(raw, 1)
        if len(body) < len(raw):
            return NewValue(id, kind, name, len(raw), _ZLIB, body, None)
    return NewValue(id, kind, name, len(raw), _PLAIN, raw, None)


def unpacked(row: ValueRow) -> bytes:
    """The JSON text of an inline row."""
    return decoded(row.body or b"", row.encoding, row.size)


def decoded(body: bytes, encoding: int, size: int) -> bytes:
    """The JSON text, of `size` bytes, of what is kept in a row or as its object."""
    if encoding == _PLAIN:
        return body
    return value_blocks.whole(body, size) if encoding == _FRAMES else zlib.decompress(body)


async def keep(
    storage: Storage,
    workspace: str,
    run: UUID,
    id: UUID,
    kind: Literal["args", "result", "context", "resume"],
    raw: bytes,
    *,
    name: str = "",
    attempt: int = 0,
) -> NewValue:
    """The row of a value of any size; a large one is uploaded first. Never call it in an open transaction."""
    if len(raw) <= INLINE_LIMIT:
        return inline(id, kind, raw, name)
    suffix = f"-{zlib.crc32(name.encode()):08x}" if name else ""
    key = f"{workspace}/{run}/{id}/{attempt}/{kind}{suffix}"
    if len(raw) <= value_blocks.FRAME:
        await storage.put(key, await asyncio.to_thread(zlib.compress, raw, 1))
        return NewValue(id, kind, name, len(raw), _ZLIB, None, key)
    await storage.put_pieces(key, value_blocks.pieces(raw))
    return NewValue(id, kind, name, len(raw), _FRAMES, None, key)


async def open_rows(storage: Storage, rows: Iterable[ValueRow | NewValue]) -> dict[ValueKey, bytes]:
    """The JSON text of each row, by its key. Raises ObjectMissing."""
    opened: dict[ValueKey, bytes] = {}
    for row in rows:
        body = await storage.get(row.object or "") if row.body is None else row.body
        opened[(row.id, row.kind, row.name)] = await _unpack(body, row.encoding, row.size)
    return opened


async def _unpack(body: bytes, encoding: int, size: int) -> bytes:
    if encoding == _PLAIN or size < _IN_THREAD_FROM:
        return decoded(body, encoding, size)
    # Not given by the future: the loop holds what woke a task until the task waits again.
    found: list[bytes] = []
    await asyncio.to_thread(lambda: found.append(decoded(body, encoding, size)))
    return found.pop()


async def part(storage: Storage, row: ValueRow, start: int, length: int) -> AsyncIterator[bytes]:
    """`length` bytes of the JSON text from `start` on, in pieces; of a large value no more than that is read.

    Raises ObjectMissing, StorageError.
    """
    if row.object is not None and row.encoding == _FRAMES:
        async for piece in value_blocks.part(storage, row.object, row.size, start, length):
            yield piece
        return
    opened = await open_rows(storage, [row])
    yield opened[row.key][start : start + length]


async def read(connection: Connection, storage: Storage, keys: Sequence[ValueKey]) -> dict[ValueKey, bytes]:
    """The JSON text of these values, in one query; missing ones are left out. Raises ObjectMissing."""
    return await open_rows(storage, await values.get_values(connection, keys))
