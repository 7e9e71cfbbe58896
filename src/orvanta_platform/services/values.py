"""JSON text kept inline or by reference: made ready before a commit, read back as it was."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterable, Sequence
from typing import Literal
from uuid import UUID

from orvanta_platform.db import values
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.steps import NewValue
from orvanta_platform.db.values import ValueKey, ValueRow
from orvanta_platform.storage import Storage

COMPRESS_FROM = 8 << 10
"""Bytes of JSON from which a value is compressed."""

INLINE_LIMIT = 256 << 10
"""Bytes of JSON up to which a value stays in the database; larger ones are objects."""

_PLAIN, _ZLIB = 0, 1
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
    body = row.body or b""
    return body if row.encoding == _PLAIN else zlib.decompress(body)


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
    await storage.put(key, await asyncio.to_thread(zlib.compress, raw, 1))
    return NewValue(id, kind, name, len(raw), _ZLIB, None, key)


async def open_rows(storage: Storage, rows: Iterable[ValueRow | NewValue]) -> dict[ValueKey, bytes]:
    """The JSON text of each row, by its key. Raises ObjectMissing."""
    opened: dict[ValueKey, bytes] = {}
    for row in rows:
        body = await storage.get(row.object or "") if row.body is None else row.body
        opened[(row.id, row.kind, row.name)] = await _unpack(body, row.encoding, row.size)
    return opened


async def _unpack(body: bytes, encoding: int, size: int) -> bytes:
    if encoding == _PLAIN:
        return body
    if size < _IN_THREAD_FROM:
        return zlib.decompress(body)
    return await asyncio.to_thread(zlib.decompress, body)


async def read(connection: Connection, storage: Storage, keys: Sequence[ValueKey]) -> dict[ValueKey, bytes]:
    """The JSON text of these values, in one query; missing ones are left out. Raises ObjectMissing."""
    return await open_rows(storage, await values.get_values(connection, keys))
