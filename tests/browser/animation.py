"""Animated WebP files: this module writes the container; the browser compresses the pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_ANIMATION = 0x02
"""Flag of the VP8X chunk for an animated file."""
_REPLACE = 0x02
"""Flag of a frame that is not blended with the preceding one."""
_PICTURE = (b"VP8 ", b"VP8L", b"ALPH")


def animated(frames: Sequence[tuple[bytes, int]], width: int, height: int) -> bytes:
    """Return an endless animation of WebP pictures of the same size, each with its duration in milliseconds."""
    size = _uint24(width - 1) + _uint24(height - 1)
    body = _chunk(b"VP8X", bytes([_ANIMATION, 0, 0, 0]) + size)
    body += _chunk(b"ANIM", b"\xff\xff\xff\xff" + b"\x00\x00")
    for picture, milliseconds in frames:
        data = b"".join(_chunk(name, part) for name, part in _chunks(picture) if name in _PICTURE)
        place = _uint24(0) + _uint24(0)
        body += _chunk(b"ANMF", place + size + _uint24(milliseconds) + bytes([_REPLACE]) + data)
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body


def _uint24(number: int) -> bytes:
    return number.to_bytes(3, "little")


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + len(data).to_bytes(4, "little") + data + b"\x00" * (len(data) % 2)


def _chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the data of each chunk of a WebP file."""
    place = 12
    while place < len(picture):
        size = int.from_bytes(picture[place + 4 : place + 8], "little")
        yield picture[place : place + 4], picture[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
