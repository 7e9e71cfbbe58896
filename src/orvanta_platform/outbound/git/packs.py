"""Check of a received pack, before its objects are indexed: it is inflated piece by piece and never held in memory."""

from __future__ import annotations

import zlib
from typing import BinaryIO, Final

from orvanta_platform.outbound.git import limits
from orvanta_platform.outbound.git.messages import GitFault

_HEADER: Final = 12
_DIGEST: Final = 20
_PIECE: Final = 64 << 10
_OFFSET_DELTA: Final = 6
_REFERENCE_DELTA: Final = 7
_DELTA_HEAD: Final = 32
"""Bytes that contain both sizes at the start of a delta."""


def check_pack(file: BinaryIO) -> None:
    """Check number, sizes and form of the objects of a pack. Raises GitFault."""
    _Reader(file).check()


class _Reader:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._buffer = b""

    def check(self) -> None:
        head = self._take(_HEADER)
        count = int.from_bytes(head[8:])
        if head[:4] != b"PACK" or int.from_bytes(head[4:8]) not in (2, 3):
            raise _malformed()
        if count > limits.OBJECTS:
            raise limits.too_large("The repository has too many objects", limits.OBJECTS, size=False)
        total = 0
        for _ in range(count):
            total += self._object()
            if total > limits.INFLATED:
                raise limits.too_large("The objects of the repository are too large", limits.INFLATED)

    def _object(self) -> int:
        """Check one object; return its size, for a delta that of its result."""
        kind, size = self._kind_and_size()
        is_delta = kind in (_OFFSET_DELTA, _REFERENCE_DELTA)
        if kind == _OFFSET_DELTA:
            while self._take(1)[0] & 0x80:
                pass
        elif kind == _REFERENCE_DELTA:
            self._take(_DIGEST)
        elif not 1 <= kind <= 4:
            raise _malformed()
        _require_small(size)
        start = self._inflate(size)
        if not is_delta:
            return size
        result = _result_size(start)
        _require_small(result)
        return result + size

    def _kind_and_size(self) -> tuple[int, int]:
        byte = self._take(1)[0]
        kind, size, shift = (byte >> 4) & 7, byte & 15, 4
        while byte & 0x80:
            byte = self._take(1)[0]
            size |= (byte & 0x7F) << shift
            shift += 7
            if shift > 63:
                raise _malformed()
        return kind, size

    def _inflate(self, size: int) -> bytes:
        """Inflate an object that claims this size; return its start."""
        inflater = zlib.decompressobj()
        length, start = 0, b""
        while not inflater.eof:
            fed = inflater.unconsumed_tail or self._buffer or self._file.read(_PIECE)
            if not fed:
                raise _malformed()
            if not inflater.unconsumed_tail:
                self._buffer = b""
            try:
                piece = inflater.decompress(fed, _PIECE)
            except zlib.error:
                raise _malformed() from None
            length += len(piece)
            start += piece[: _DELTA_HEAD - len(start)]
            if length > size:
                raise _malformed()
        self._buffer = inflater.unused_data
        if length != size:
            raise _malformed()
        return start

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            more = self._file.read(_PIECE)
            if not more:
                raise _malformed()
            self._buffer += more
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken


def _result_size(delta: bytes) -> int:
    position = 0
    size = 0
    for _ in range(2):
        size = shift = 0
        while True:
            if position >= len(delta) or shift > 63:
                raise _malformed()
            byte = delta[position]
            position += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
    return size


def _require_small(size: int) -> None:
    if size > limits.OBJECT:
        raise limits.too_large("An object of the repository is too large", limits.OBJECT)


def _malformed() -> GitFault:
    return limits.refused("The server sent objects in a form that cannot be read.")
