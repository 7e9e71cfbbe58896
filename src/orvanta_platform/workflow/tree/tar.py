"""Members of tar archives, read in linear time.

Only the parts of the format that archives of files need. `tarfile` searches extended headers by regular expressions
that take quadratic time in the patch releases of Python before 2024-09: 40 KB hold the process for seconds.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from orvanta_platform.errors import BadRequest

_REGULAR: Final = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_EXTENDED: Final = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_MAX_DIGITS: Final = 12
"""Digits of the largest number in an extended header."""
_SPARSE: Final = b"GNU.sparse."


class Member(msgspec.Struct, frozen=True):
    """A file or another entry of an archive."""

    name: str
    is_folder: bool
    is_regular: bool
    """True for an ordinary file: no link, device or sparse file."""
    start: int
    end: int
    """The contents are the bytes of the archive from `start` to `end`."""


def members(body: bytes) -> Iterator[Member]:
    """Yield the members of an uncompressed archive.

    Raises ValueError for a damaged archive, BadRequest for names that are not UTF-8.
    """
    if not body:
        raise ValueError("the archive is empty")
    position = 0
    name: bytes | None = None
    extended: Mapping[bytes, bytes] = {}
    while (block := body[position : position + tarfile.BLOCKSIZE]).strip(b"\0"):
        try:
            header = tarfile.TarInfo.frombuf(block, "latin-1", "strict")
        except tarfile.TarError as error:
            raise ValueError(str(error)) from None
        about_next = header.type in (*_EXTENDED, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
        size = header.size if about_next else _number(extended.get(b"size"), header.size)
        start = position + tarfile.BLOCKSIZE
        end = start if header.isdir() else start + size
        if not start <= end <= len(body):
            raise ValueError("the archive is truncated")
        position = start + -(-(end - start) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        if header.type in _EXTENDED:
            extended = _records(body[start:end])
        elif header.type == tarfile.GNUTYPE_LONGNAME:
            name = body[start:end].partition(b"\0")[0]
        elif not about_next:
            whole_name = name or extended.get(b"path") or header.name.encode("latin-1")
            is_regular = header.type in _REGULAR and not any(each.startswith(_SPARSE) for each in extended)
            yield Member(_decode(whole_name), header.isdir(), is_regular, start, end)
            name, extended = None, {}


def _records(header: bytes) -> dict[bytes, bytes]:
    """Return the values of an extended header: records `<length> <name>=<value>` and a line feed. Raises ValueError."""
    found: dict[bytes, bytes] = {}
    position = 0
    while position < len(header):
        space = header.find(b" ", position, position + _MAX_DIGITS + 1)
        length = _number(header[position : max(space, position)], 0)
        record = header[space + 1 : position + length]
        name, equals, value = record[:-1].partition(b"=")
        position += length
        if not equals or not record.endswith(b"\n") or position > len(header):
            raise ValueError("an extended header is damaged")
        found[name] = value
    return found


def _number(digits: bytes | None, default: int) -> int:
    if digits is None:
        return default
    if not digits.isdigit() or len(digits) > _MAX_DIGITS:
        raise ValueError("an extended header contains no number")
    return int(digits)


def _decode(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise BadRequest(
            f"The archive contains a file whose name is not UTF-8: {name[:200]!r}.",
            hint="Rename the file, then create the archive again.",
        ) from None
