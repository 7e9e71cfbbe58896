"""Files of a tree in a zip or tar archive. Nothing is written to a disk."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final

from orvanta_platform.errors import BadRequest, TooLarge
from orvanta_platform.workflow.tree import tar

MAX_FILES: Final = 20_000
"""Maximum number of files in an archive."""

MAX_ENTRIES: Final = 2 * MAX_FILES
"""Maximum number of files and folders in an archive."""

MAX_SIZE: Final = 16 << 20
"""Maximum size in bytes of the files of an archive together, decompressed."""

_ENTRY: Final = b"PK\x01\x02"
"""Start of each entry in the directory of a zip archive."""

_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1
_FAULTS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    struct.error,
    ValueError,
    OverflowError,
    LookupError,
    RuntimeError,
)
"""Errors of the readers of damaged archives; RuntimeError: features of zip that they lack, such as patches."""
_ROOTS: Final = ("f", "u", "groups", "users")


def unpack(body: bytes) -> dict[str, bytes]:
    """Return the files of an archive by name, relative to the folder that contains f and u.

    A folder around all files, as in archives of repositories, is removed from the names. Raises BadRequest for other
    formats, links, and names outside of the archive; TooLarge.
    """
    members = _zip_members(body) if body.startswith(_ZIP) else _tar_members(body)
    files: dict[str, bytes] = {}
    size = 0
    for name, read in members:
        _check_name(name)
        if name in files:
            raise BadRequest(f"The archive contains {name[:200]} twice.")
        files[name] = read
        size += len(read)
        if size > MAX_SIZE or len(files) > MAX_FILES:
            raise _too_large()
    return _without_wrapper(files)


def _zip_members(body: bytes) -> Iterator[tuple[str, bytes]]:
    # The directory is counted before it is read: half a million entries take seconds and hundreds of megabytes.
    if body.count(_ENTRY) > MAX_ENTRIES:
        raise _too_large()
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            entries = [each for each in archive.infolist() if not each.is_dir()]
            if len(entries) > MAX_FILES or sum(each.file_size for each in entries) > MAX_SIZE:
                raise _too_large()
            # Entries that share their data would multiply the work.
            if sum(each.compress_size for each in entries) > len(body):
                raise BadRequest("The files of the archive overlap.", hint="Create the archive again.")
            for each in entries:
                _check_zip_entry(each)
                with archive.open(each) as file:
                    # Without a bound the whole entry is decompressed before it is cut to its announced size.
                    yield each.filename, file.read(each.file_size + 1)
    except _FAULTS as error:
        raise _unreadable(error) from None


def _check_zip_entry(entry: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise _special(entry.filename)
    if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
        raise BadRequest(
            f"{entry.filename[:200]} is encrypted, or compressed by a method other than Deflate.",
            hint="Create the archive without a password, with the usual compression.",
        )


def _tar_members(body: bytes) -> Iterator[tuple[str, bytes]]:
    entries = 0
    try:
        for each in tar.members(body):
            entries += 1
            if entries > MAX_ENTRIES or each.end - each.start > MAX_SIZE:
                raise _too_large()
            if each.is_folder:
                continue
            if not each.is_regular:
                raise _special(each.name)
            yield each.name.removeprefix("./"), body[each.start : each.end]
    except ValueError as error:
        raise _unreadable(error) from None


def _check_name(name: str) -> None:
    if "\\" in name or not name.isprintable() or any(part in ("", ".", "..") for part in name.split("/")):
        raise BadRequest(
            f"The archive contains a file with the invalid name {name[:200]!r}.",
            hint="Names are relative paths without empty parts, ., .., backslashes and control characters.",
        )


def _without_wrapper(files: dict[str, bytes]) -> dict[str, bytes]:
    first = {name.partition("/")[0] for name in files}
    if len(first) != 1 or first <= set(_ROOTS) or any("/" not in name for name in files):
        return files
    return {name.partition("/")[2]: body for name, body in files.items()}


def _special(name: str) -> BadRequest:
    return BadRequest(
        f"The archive contains {name[:200]}, which is not a regular file.",
        hint="Replace links by the files that they refer to.",
    )


def _too_large() -> TooLarge:
    return TooLarge(
        f"An archive can contain at most {MAX_FILES:,} files with {MAX_SIZE >> 20} MiB in total.",
        hint="Import its folders one after the other.",
        details={"limit": MAX_SIZE},
    )


def _unreadable(error: Exception) -> BadRequest:
    return BadRequest(
        "The file is not a readable zip or tar archive.",
        hint="Use zip, or tar without compression.",
        details={"reason": str(error)[:200]},
    )
