"""Paths of items, derived from the names of files and folders."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import typer

from orvanta_platform.cli.client.output import say
from orvanta_platform.workflow.tree.paths import APP_FOLDERS

FileState: TypeAlias = tuple[str, int, int]
"""Name of a file, time of its change in ns, size in bytes."""

_PACKAGES = frozenset({"__pycache__", "node_modules"})
_VIRTUAL_ENVIRONMENT = "pyvenv.cfg"
_AREAS = ("f", "u")
_MIN_PARTS = 3


def path_of(entry: Path, suffixes: Sequence[str]) -> str | None:
    """Return the path of the item at `entry`: its name without the suffix, from the folder f or u above it on, or None.

    `…/repo/f/sales/report.flow` is `f/sales/report`. The outermost such folder below the current directory counts,
    otherwise the innermost of all.
    """
    whole = entry.absolute()
    suffix = next((each for each in suffixes if whole.name.endswith(each) and whole.name != each), "")
    parts = [*whole.parts[:-1], whole.name.removesuffix(suffix)]
    here = Path.cwd().parts
    below = len(here) if whole.parts[: len(here)] == here else len(parts)
    starts = [start for start in range(len(parts) - _MIN_PARTS + 1) if parts[start] in _AREAS]
    if not starts:
        return None
    path = "/".join(parts[next((start for start in starts if start >= below), starts[-1]) :])
    return unicodedata.normalize("NFC", path)


def say_left_out(roots: Sequence[Path]) -> None:
    """Print the number of apps under these folders, and of links that lead out of them, if there are any."""
    apps = links = 0
    for root in roots:
        for entry, is_link in _walk(root, ()) if root.is_dir() else ():
            if is_link and not is_within(entry, root):
                links += 1
            else:
                apps += _is_app(entry)
    if apps:
        say(f"{apps} {'app is' if apps == 1 else 'apps are'} left out: the platform has no apps.")
    if links:
        say(f"{links} {'link is' if links == 1 else 'links are'} left out: the target is outside of the folder.")


def items_under(
    root: Path,
    excluded: Sequence[str] = (),
    is_wanted: Callable[[str], bool] = lambda _: True,
    unreadable: Callable[[Path, OSError], None] = lambda *_: None,
) -> list[Path]:
    """Return the files and folders under a folder, sorted by name, without those in apps, hidden folders and
    packages of other tools (`node_modules`, virtual environments), and without those inside folders with one of the
    endings `excluded`.

    Links that lead out of the folder are excluded, as they could send any file of this machine to the server.
    `is_wanted`: returns whether to include an entry, by its path with slashes. `unreadable` is called with each folder
    that cannot be read, which is otherwise empty.
    """
    return sorted(
        entry
        for entry, is_link in _walk(root, excluded, unreadable)
        if is_wanted(entry.as_posix()) and (not is_link or is_within(entry, root))
    )


def file_states(root: Path) -> list[FileState]:
    """Return the states of all files under a folder that may belong to items, sorted by name."""
    found: list[FileState] = []
    pending = [str(root)]
    while pending:
        folder = pending.pop()
        entries = _entries(folder)
        if folder != str(root) and any(entry.name == _VIRTUAL_ENVIRONMENT for entry in entries):
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if not _is_folder(entry):
                found += _state_of(entry)
            elif entry.name not in _PACKAGES and not entry.is_symlink():
                pending.append(entry.path)
    return sorted(found)


def _state_of(entry: os.DirEntry[str]) -> list[FileState]:
    try:
        state = entry.stat()
    except OSError:  # it was deleted meanwhile, or is a link to nothing
        return []
    return [(entry.path, state.st_mtime_ns, state.st_size)]


def is_within(entry: Path, folder: Path) -> bool:
    """Return whether a file or folder below `folder` is not a link to a location outside of it."""
    try:
        return not entry.is_symlink() or entry.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a link to itself
        return False


def _walk(
    root: Path, excluded: Sequence[str], unreadable: Callable[[Path, OSError], None] = lambda *_: None
) -> Iterator[tuple[Path, bool]]:
    """Yield the files and folders under a folder, and whether they are links."""
    closed = (*APP_FOLDERS, *excluded)
    pending = [root]
    while pending:
        folder = pending.pop()
        entries = _entries(folder, unreadable)
        if folder is not root and any(entry.name == _VIRTUAL_ENVIRONMENT for entry in entries):
            continue
        for entry in entries:
            is_folder = _is_folder(entry)
            if entry.name.startswith(".") or (is_folder and entry.name in _PACKAGES):
                continue
            path, is_link = folder / entry.name, entry.is_symlink()
            yield path, is_link
            if is_folder and not is_link and not entry.name.endswith(closed):
                pending.append(path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _entries(
    folder: Path | str, unreadable: Callable[[Path, OSError], None] = lambda *_: None
) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError as error:
        unreadable(Path(folder), error)
        return []


def _is_app(entry: Path) -> bool:
    return entry.name.endswith(APP_FOLDERS) and entry.is_dir()


def needed(path: str | None, entry: Path) -> str:
    """Return the path, which must be an argument if the folders do not determine it. Raises typer.BadParameter."""
    if path is None:
        raise typer.BadParameter(
            f"Pass the path of {entry}, which is in no folder f/<folder> or u/<user>; for example f/sales/{entry.stem}."
        )
    return path
