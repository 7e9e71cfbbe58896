"""Reading and writing of files in parts."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader, RawIOBase
from typing import Any

from .connection import OpenResponse

_CHUNK = 64 << 10


class _Body(RawIOBase):
    """Body of a response as a raw file."""

    def __init__(self, response: OpenResponse) -> None:
        self._response = response

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into `buffer` and return the number of bytes, 0 at the end."""
        data = self._response.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the response."""
        self._response.close()
        super().close()


class S3BufferedReader(BufferedReader):
    """File of the workspace, read while it is received; a context manager."""

    def __init__(self, response: OpenResponse) -> None:
        super().__init__(_Body(response), _CHUNK)


def bytes_generator(buffered_reader: Any) -> Iterator[bytes]:
    """Yield the content of an open file in parts."""
    while part := buffered_reader.read(_CHUNK):
        yield part
