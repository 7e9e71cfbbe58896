"""Temporary folders in memory, where creating and deleting files takes a fraction of the time of a disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MEMORY, _ROOM = "/dev/shm", 2 << 30


def fast_folder() -> str | None:
    """Return a folder in memory that programs can be run from, or None if there is none with enough space.

    A database has 700 files, created and deleted for each test or installation. An installation also waits for
    the disk at each commit.
    """
    with suppress(OSError):
        state = os.statvfs(_MEMORY)
        usable = os.access(_MEMORY, os.W_OK) and not state.f_flag & os.ST_NOEXEC
        if usable and state.f_bavail * state.f_frsize > _ROOM:
            return _MEMORY
    return None


def make_folder(name: str, mode: int = 0o700) -> Path:
    """Create a folder whose parents every user can access, unlike those of `tmp_path`; the caller deletes it."""
    folder = Path(tempfile.mkdtemp(prefix=f"orvanta-{name}-", dir=fast_folder()))
    folder.chmod(mode)
    return folder


@contextmanager
def new_folder(name: str, mode: int = 0o700) -> Iterator[Path]:
    """Yield a folder of `make_folder`, and delete it afterwards."""
    folder = make_folder(name, mode)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
