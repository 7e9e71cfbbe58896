"""Checks of an installed tree before it becomes a package that jobs read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

MAX_ENTRIES = 500_000
"""Maximum number of files, folders and links in a tree."""


class UnsafeTree(Exception):
    """Raised if the tree contains entries that no package needs and that could mislead a reader; names the entry."""


def seal(root: Path, max_bytes: int) -> None:
    """Check the tree below `root`, make it read-only and, if run as root, owned by root. Raises UnsafeTree.

    `root` itself stays writable for its owner, so that it can be moved. Nothing must be able to write to the tree any
    more. Links must lead to entries within it; devices, sockets and pipes are refused, as is a tree of more than
    `max_bytes` or MAX_ENTRIES.
    """
    total = 0
    for count, (path, status) in enumerate(_entries(root)):
        total += status.st_size
        if total > max_bytes:
            raise UnsafeTree(f"the packages are larger than the limit of {max_bytes >> 20} MiB")
        if count >= MAX_ENTRIES:
            raise UnsafeTree(f"the packages have more than {MAX_ENTRIES:,} files and folders")
        if stat.S_ISLNK(status.st_mode):
            _check_link(root, path)
        elif not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise UnsafeTree(f"{_inside(root, path)} is neither a file nor a folder")
        elif stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
            raise UnsafeTree(f"{_inside(root, path)} has a second name")
    for path, status in _entries(root):
        _close(path, status)
    if os.geteuid() == 0:
        os.lchown(root, 0, 0)


def _entries(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield all entries below `root`, each folder after its contents. Links are not followed."""
    for folder, folders, files in os.walk(root, topdown=False, onerror=_refuse):
        for name in (*files, *folders):
            path = f"{folder}/{name}"
            yield path, os.lstat(path)


def _refuse(error: OSError) -> None:
    raise UnsafeTree(f"a folder cannot be read: {error.strerror}")


def _check_link(root: Path, path: str) -> None:
    """Require that a link, and every link that it leads to, stays inside the tree."""
    target = os.readlink(path)
    destination = os.path.normpath(os.path.join(os.path.dirname(path), target))
    real = os.path.realpath(path)
    inside = f"{os.path.realpath(root)}/"
    if os.path.isabs(target) or not destination.startswith(f"{root}/") or not real.startswith(inside):
        raise UnsafeTree(f"{_inside(root, path)} is a link out of the package")


def _close(path: str, status: os.stat_result) -> None:
    if os.geteuid() == 0:
        os.lchown(path, 0, 0)
    if stat.S_ISLNK(status.st_mode):
        return
    executable = stat.S_ISDIR(status.st_mode) or status.st_mode & 0o100
    os.chmod(path, 0o555 if executable else 0o444)


def _inside(root: Path, path: str) -> str:
    return os.path.relpath(path, root)[:300]
