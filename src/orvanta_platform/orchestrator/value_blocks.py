"""Large JSON text as an object that can be read in parts: zlib frames followed by the length of each frame."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator
from io import BytesIO

from orvanta_platform.storage import ObjectMissing, Storage

FRAME = 1 << 20
"""Bytes of JSON in each frame; the last one may be shorter."""

_LENGTH = struct.Struct(">I")


async def pieces(raw: bytes) -> AsyncIterator[bytes]:
    """Yield the object of `raw` frame by frame, each compressed on demand."""
    lengths = []
    whole = memoryview(raw)
    for start in range(0, len(raw), FRAME):
        frame = await asyncio.to_thread(zlib.compress, whole[start : start + FRAME], 1)
        lengths.append(_LENGTH.pack(len(frame)))
        yield frame
    yield b"".join(lengths)


def join(body: bytes, size: int) -> bytes:
    """Return the JSON text, of `size` bytes, of a whole object."""
    # The buffer becomes the result, so that the text is in memory only once.
    text, offset = BytesIO(), 0
    for length in _lengths(body[-_LENGTH.size * _count(size) :]):
        text.write(zlib.decompress(memoryview(body)[offset : offset + length]))
        offset += length
    return text.getvalue()


async def part(storage: Storage, key: str, size: int, start: int, length: int) -> AsyncIterator[bytes]:
    """Yield `length` bytes of a text of `size` bytes from `start` on, frame by frame; no other frame is read.

    Raises ObjectMissing, StorageError.
    """
    count = _count(size)
    first, last = start // FRAME, min(-(-(start + length) // FRAME), count)
    behind = await storage.size(key) - _LENGTH.size * count
    lengths = _lengths(await storage.get_range(key, behind, _LENGTH.size * count)) if behind > 0 else []
    if len(lengths) != count or sum(lengths) != behind:
        raise ObjectMissing(f"The object {key} is incomplete.")
    offset = sum(lengths[:first])
    for number in range(first, last):
        frame = await storage.get_range(key, offset, lengths[number])
        offset += lengths[number]
        text = await asyncio.to_thread(zlib.decompress, frame)
        yield text[max(start - number * FRAME, 0) : start + length - number * FRAME]


def _count(size: int) -> int:
    return -(-size // FRAME)


def _lengths(packed: bytes) -> list[int]:
    return [length for (length,) in _LENGTH.iter_unpack(packed)]
