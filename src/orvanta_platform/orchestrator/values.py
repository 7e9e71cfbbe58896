"""JSON text stored inline or as an object: encoded before a commit, decoded on read."""

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
"""Minimum size, in bytes of JSON, of values that are compressed."""

INLINE_LIMIT = 256 << 10
"""Maximum size, in bytes of JSON, of values stored in the database; larger ones become objects."""

_PLAIN, _ZLIB, _FRAMES = 0, 1, 2
_IN_THREAD_FROM = 64 << 10


def inline_row(id: UUID, kind: Literal["args", "result", "context", "resume"], raw: bytes, name: str = "") -> NewValue:
    """Return the row of a value of at most INLINE_LIMIT bytes."""
    if len(raw) >= COMPRESS_FROM:
        body = zlib.compress(raw, 1)
        if len(body) < len(raw):
            return NewValue(id, kind, name, len(raw), _ZLIB, body, None)
    return NewValue(id, kind, name, len(raw), _PLAIN, raw, None)


def json_of_row(row: ValueRow) -> bytes:
    """Return the JSON text of an inline row."""
    return decoded(row.body or b"", row.encoding, row.size)


def decoded(body: bytes, encoding: int, size: int) -> bytes:
    """Return the JSON text, of `size` bytes, of the body of a row or object."""
    if encoding == _PLAIN:
        return body
    return value_blocks.join(body, size) if encoding == _FRAMES else zlib.decompress(body)


async def store(
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
    """Return the row of a value of any size; a large one is uploaded first. Must not be called in a transaction."""
    if len(raw) <= INLINE_LIMIT:
        return inline_row(id, kind, raw, name)
    suffix = f"-{zlib.crc32(name.encode()):08x}" if name else ""
    key = f"{workspace}/{run}/{id}/{attempt}/{kind}{suffix}"
    if len(raw) <= value_blocks.FRAME:
        await storage.put(key, await asyncio.to_thread(zlib.compress, raw, 1))
        return NewValue(id, kind, name, len(raw), _ZLIB, None, key)
    await storage.put_pieces(key, value_blocks.pieces(raw))
    return NewValue(id, kind, name, len(raw), _FRAMES, None, key)


async def open_rows(storage: Storage, rows: Iterable[ValueRow | NewValue]) -> dict[ValueKey, bytes]:
    """Return the JSON text of each row, by its key. Raises ObjectMissing."""
    opened: dict[ValueKey, bytes] = {}
    for row in rows:
        body = await storage.get(row.object or "") if row.body is None else row.body
        opened[(row.id, row.kind, row.name)] = await _unpack(body, row.encoding, row.size)
    return opened


async def _unpack(body: bytes, encoding: int, size: int) -> bytes:
    if encoding == _PLAIN or size < _IN_THREAD_FROM:
        return decoded(body, encoding, size)
    # Not returned through the future: the event loop references a finished future until the task waits again.
    found: list[bytes] = []
    await asyncio.to_thread(lambda: found.append(decoded(body, encoding, size)))
    return found.pop()


async def part(storage: Storage, row: ValueRow, start: int, length: int) -> AsyncIterator[bytes]:
    """Yield `length` bytes of the JSON text from `start` on, in pieces; of a large value only these are read.

    Raises ObjectMissing, StorageError.
    """
    if row.object is not None and row.encoding == _FRAMES:
        async for piece in value_blocks.part(storage, row.object, row.size, start, length):
            yield piece
        return
    opened = await open_rows(storage, [row])
    yield opened[row.key][start : start + length]


async def read(connection: Connection, storage: Storage, keys: Sequence[ValueKey]) -> dict[ValueKey, bytes]:
    """Return the JSON text of these values, in one query; missing ones are left out. Raises ObjectMissing."""
    return await open_rows(storage, await values.get_values(connection, keys))
