"""Files of a working copy, which are written as a whole and never through links."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from orvanta_platform.errors import BadRequest


def write_file(file: Path, body: bytes) -> None:
    """Create a file, or replace one that is not a link, as a whole. Raises BadRequest."""
    draft = file.with_name(f".orvanta-{os.getpid()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else None
        if file.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if mode is not None and not os.access(file, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        try:
            with open(os.open(draft, flags, 0o666), "wb") as opened:
                opened.write(body)
            if mode is not None:
                draft.chmod(mode)
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise BadRequest(f"{file} cannot be written: {error.strerror}.") from None


def read_file(file: Path) -> bytes:
    """Read a file that is not a link. Raises OSError."""
    with open(os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)), "rb") as opened:
        return opened.read()
