"""What an install has written, before it becomes a package that jobs read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

_MOST_ENTRIES = 500_000


class UnsafeTree(Exception):
    """The tree holds what no package needs and a reader could be led astray by; the message names it."""


def seal(root: Path, most_bytes: int) -> None:
    """Check the tree below `root`, make it read-only and, as root, root's own. Raises UnsafeTree.

    `root` itself stays writable to its owner, so that it can be moved. Call it when nothing can write to the tree any
    more. Links must lead to something within it; devices, sockets and pipes are refused, as is more than `most_bytes`
    in all.
    """
    total = 0
    for count, (path, status) in enumerate(_entries(root)):
        total += status.st_size
        if total > most_bytes or count > _MOST_ENTRIES:
            raise UnsafeTree(f"the packages are larger than the limit of {most_bytes >> 20} MiB")
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
    """Everything below `root`, folders after what is in them; links are not followed."""
    for folder, folders, files in os.walk(root, topdown=False, onerror=_refuse):
        for name in (*files, *folders):
            path = f"{folder}/{name}"
            yield path, os.lstat(path)


def _refuse(error: OSError) -> None:
    raise UnsafeTree(f"a folder cannot be read: {error.strerror}")


def _check_link(root: Path, path: str) -> None:
    """A link's whole way must stay inside: what it names may itself be a link."""
    target = os.readlink(path)
    place = os.path.normpath(os.path.join(os.path.dirname(path), target))
    real = os.path.realpath(path)
    inside = f"{os.path.realpath(root)}/"
    if os.path.isabs(target) or not place.startswith(f"{root}/") or not real.startswith(inside):
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
