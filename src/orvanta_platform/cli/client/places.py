"""Paths of items, derived from the names of files and folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

_AREAS = ("f", "u")
_FEWEST = 3


def path_of(place: Path, suffixes: Sequence[str]) -> str | None:
    """Return the path of the item at `place`: its name without the suffix, from the folder f or u above it on, or None.

    `…/repo/f/sales/report.flow` is `f/sales/report`. The outermost such folder below the current directory counts,
    otherwise the innermost of all.
    """
    whole = place.absolute()
    suffix = next((each for each in suffixes if whole.name.endswith(each) and whole.name != each), "")
    parts = [*whole.parts[:-1], whole.name.removesuffix(suffix)]
    here = Path.cwd().parts
    below = len(here) if whole.parts[: len(here)] == here else len(parts)
    starts = [start for start in range(len(parts) - _FEWEST + 1) if parts[start] in _AREAS]
    if not starts:
        return None
    return "/".join(parts[next((start for start in starts if start >= below), starts[-1]) :])


def needed(path: str | None, place: Path) -> str:
    """Return the path, which must be an argument if the folders do not determine it. Raises typer.BadParameter."""
    if path is None:
        raise typer.BadParameter(
            f"Pass the path of {place}, which is in no folder f/<folder> or u/<user>; for example f/sales/{place.stem}."
        )
    return path
