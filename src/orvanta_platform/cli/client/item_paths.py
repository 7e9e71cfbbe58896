"""Paths of items, derived from the names of files and folders."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from orvanta_platform.cli.client.output import say
from orvanta_platform.workflow.tree.paths import APP_FOLDERS

_PACKAGES = frozenset({"__pycache__", "node_modules"})
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
    folders = [root for root in roots if root.is_dir()]
    apps = sum(_is_app(entry) for root in folders for entry in items_under(root))
    if apps:
        say(f"{apps} {'app is' if apps == 1 else 'apps are'} left out: the platform has no apps.")
    links = sum(not is_within(entry, root) for root in folders for entry in _walk(root, ()))
    if links:
        say(f"{links} {'link is' if links == 1 else 'links are'} left out: the target is outside of the folder.")


def items_under(root: Path, excluded: Sequence[str] = ()) -> list[Path]:
    """Return the files and folders under a folder, sorted by name, without those in apps, hidden folders and
    packages of other tools (`node_modules`, virtual environments), and without those inside folders with one of the
    endings `excluded`.

    Links that lead out of the folder are excluded, as they could send any file of this machine to the server.
    """
    return sorted(entry for entry in _walk(root, excluded) if is_within(entry, root))


def is_within(entry: Path, folder: Path) -> bool:
    """Return whether a file or folder below `folder` is not a link to a location outside of it."""
    try:
        return not entry.is_symlink() or entry.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a link to itself
        return False


def _walk(root: Path, excluded: Sequence[str]) -> Iterator[Path]:
    closed = (*APP_FOLDERS, *excluded)
    for folder, folders, files in os.walk(root):
        parent = Path(folder)
        folders[:] = [name for name in folders if not _is_foreign(parent, name)]
        yield from (parent / name for name in (*folders, *files) if not name.startswith("."))
        folders[:] = [name for name in folders if not name.endswith(closed)]


def _is_foreign(parent: Path, name: str) -> bool:
    """Return whether a folder contains no items: hidden ones, and the packages of other tools."""
    return name.startswith(".") or name in _PACKAGES or (parent / name / "pyvenv.cfg").exists()


def _is_app(entry: Path) -> bool:
    return entry.name.endswith(APP_FOLDERS) and entry.is_dir()


def needed(path: str | None, entry: Path) -> str:
    """Return the path, which must be an argument if the folders do not determine it. Raises typer.BadParameter."""
    if path is None:
        raise typer.BadParameter(
            f"Pass the path of {entry}, which is in no folder f/<folder> or u/<user>; for example f/sales/{entry.stem}."
        )
    return path
