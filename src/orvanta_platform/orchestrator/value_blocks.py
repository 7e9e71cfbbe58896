"""Large JSON text as an object that can be read in parts: frames of zlib, and behind them the length of each."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator
from io import BytesIO

from orvanta_platform.storage import ObjectMissing, Storage

FRAME = 1 << 20
"""Bytes of JSON in each frame; the last one has what is left."""

_LENGTH = struct.Struct(">I")


async def pieces(raw: bytes) -> AsyncIterator[bytes]:
    """The object of `raw`, a frame at a time, each made when it is asked for."""
    lengths = []
    whole = memoryview(raw)
    for start in range(0, len(raw), FRAME):
        frame = await asyncio.to_thread(zlib.compress, whole[start : start + FRAME], 1)
        lengths.append(_LENGTH.pack(len(frame)))
        yield frame
    yield b"".join(lengths)


def whole(body: bytes, size: int) -> bytes:
    """The JSON text, of `size` bytes, of a whole object."""
    # Its buffer becomes the answer: the text is there once.
    text, place = BytesIO(), 0
    for length in _lengths(body[-_LENGTH.size * _count(size) :]):
        text.write(zlib.decompress(memoryview(body)[place : place + length]))
        place += length
    return text.getvalue()


async def part(storage: Storage, key: str, size: int, start: int, length: int) -> AsyncIterator[bytes]:
    """`length` bytes of a text of `size` from `start` on, a frame at a time; no other frame is read.

    Raises ObjectMissing, StorageError.
    """
    count = _count(size)
    first, last = start // FRAME, min(-(-(start + length) // FRAME), count)
    behind = await storage.size(key) - _LENGTH.size * count
    lengths = _lengths(await storage.get_range(key, behind, _LENGTH.size * count)) if behind > 0 else []
    if len(lengths) != count or sum(lengths) != behind:
        raise ObjectMissing(f"The object {key} is not whole.")
    place = sum(lengths[:first])
    for number in range(first, last):
        frame = await storage.get_range(key, place, lengths[number])
        place += lengths[number]
        text = await asyncio.to_thread(zlib.decompress, frame)
        yield text[max(start - number * FRAME, 0) : start + length - number * FRAME]


def _count(size: int) -> int:
    return -(-size // FRAME)


def _lengths(packed: bytes) -> list[int]:
    return [length for (length,) in _LENGTH.iter_unpack(packed)]
