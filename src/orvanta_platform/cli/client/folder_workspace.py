"""Workspace that a folder of files belongs to: the one that it was first synchronised with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple

STATE: Final = ".orvanta/state.json"
"""File with the state of the last synchronisation, in the folder that contains f and u."""


class FolderWorkspace(NamedTuple):
    """Server and workspace."""

    url: str
    workspace: str


def base_of(folder: Path) -> Path | None:
    """Return the folder with the state of `folder`: itself or the nearest one above; None if there is none."""
    whole = folder.absolute()
    return next((each for each in (whole, *whole.parents) if (each / STATE).is_file()), None)


def workspace_of(folder: Path) -> FolderWorkspace | None:
    """Return the workspace that a folder belongs to; None if it was never synchronised."""
    base = base_of(folder)
    if base is None or (base / STATE).is_symlink():
        return None
    try:
        remotes = json.loads((base / STATE).read_bytes())["remotes"]
        first = next(iter(remotes), "")
    except (OSError, ValueError, TypeError, LookupError):
        return None  # the command that reads the state reports it
    url, space, workspace = str(first).rpartition(" ")
    return FolderWorkspace(url, workspace) if space else None
