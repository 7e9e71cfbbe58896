"""The header `Range`: one range of bytes of an answer whose size is known."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orvanta_platform.errors import RangeNotSatisfiable

_ONE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Range:
    """`length` bytes from `start` on, of `size`."""

    start: int
    length: int
    size: int

    @property
    def header(self) -> str:
        """What Content-Range says."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{self.size}"


def asked(header: str | None, size: int) -> Range | None:
    """The range that a header asks for; None for the whole, also where it asks for what we do not do.

    Raises RangeNotSatisfiable for one that begins past the end.
    """
    found = _ONE.fullmatch(header or "")
    if found is None or found.group() == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        start, end = max(size - int(last), 0), size
        start = size if int(last) == 0 else start
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        raise RangeNotSatisfiable(f"There are {size} bytes, and none from {start} on.", details={"size": size})
    return Range(start, end - start, size)
