"""The `Range` header: one byte range of a response of known size."""

from __future__ import annotations

import re

import msgspec

from orvanta_platform.errors import RangeNotSatisfiable

_ONE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Range(msgspec.Struct, frozen=True):
    """A range of `length` bytes from `start`, in a file of `size` bytes."""

    start: int
    length: int
    size: int

    @property
    def header(self) -> str:
        """The value of the header Content-Range."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{self.size}"


def requested_range(header: str | None, size: int) -> Range | None:
    """Return the range that a header requests; None for the whole file, also if the range is unsupported.

    Raises RangeNotSatisfiable for a range that starts after the end.
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
        raise RangeNotSatisfiable(
            f"The content has {size} bytes, none of them from {start} on.", details={"size": size}
        )
    return Range(start, end - start, size)
