"""Archive of named streams in one file, written and read sequentially without holding a whole stream in memory.

It is a compressed tar of pieces: `<name>/<number>` contains the next part of the stream `<name>`. Its last member
describes the required content.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from typing import IO

from orvanta_platform.errors import BadRequest

PIECE = 4 << 20
"""Bytes of a stream held in memory at a time."""


class ArchiveBroken(BadRequest):
    """The file is not a backup, is truncated, or was altered."""

    code = "archive_broken"


class Writer:
    """Writer of consecutive streams into a binary file, which the caller closes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._gzip = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0)
        self._tar = tarfile.open(fileobj=self._gzip, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._name = ""
        self._number = 0
        self._held = bytearray()

    def begin(self, name: str) -> None:
        """Start the stream `name`; empty streams are stored too."""
        self._end()
        self._name, self._number = name, 0

    def write(self, data: bytes) -> None:
        """Append data to the current stream."""
        self._held += data
        while len(self._held) >= PIECE:
            self._piece(bytes(self._held[:PIECE]))
            del self._held[:PIECE]

    def close(self) -> None:
        """Finish the archive."""
        self._end()
        self._tar.close()
        self._gzip.close()

    def _end(self) -> None:
        if self._name and (self._held or not self._number):
            self._piece(bytes(self._held))
        self._held.clear()

    def _piece(self, data: bytes) -> None:
        self._number += 1
        member = tarfile.TarInfo(f"{self._name}/{self._number:06}")
        member.size, member.mode = len(data), 0o600
        self._tar.addfile(member, io.BytesIO(data))


class Reader:
    """Reader of the streams of a binary file, in the order of writing."""

    def __init__(self, file: IO[bytes]) -> None:
        self._members = self._read(file)
        self._next = next(self._members, None)

    def streams(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield (name, parts) of each stream; the parts must be read before the next stream.

        The archive is verified when the iteration has ended. Raises ArchiveBroken.
        """
        while self._next is not None:
            name = self._next[0]
            yield name, self._parts(name)
            while self._next is not None and self._next[0] == name:
                self._next = next(self._members, None)

    def _parts(self, name: str) -> Iterator[bytes]:
        while self._next is not None and self._next[0] == name:
            data = self._next[1]
            self._next = next(self._members, None)
            yield data

    @staticmethod
    def _read(file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
        try:
            packed = gzip.GzipFile(fileobj=file)
            with tarfile.open(fileobj=packed, mode="r|") as tar:
                for member in tar:
                    name, _, number = member.name.rpartition("/")
                    opened = tar.extractfile(member)
                    if opened is None or not name or not number.isdigit() or member.size > PIECE:
                        raise ArchiveBroken("The archive is not a backup of Orvanta.")
                    yield name, opened.read()
            while packed.read(PIECE):
                pass
        except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
            raise ArchiveBroken(f"The archive cannot be read to its end: {error}.") from error
