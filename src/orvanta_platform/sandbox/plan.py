"""Configuration of a zygote and its cells. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Level = Literal["full", "userns", "landlock", "none"]

PROGRAMS = "/programs"


@dataclass(frozen=True, slots=True)
class Plan:
    """Confinement of cells. All paths are absolute."""

    level: Level
    root: str
    """Empty folder on which the file system of cells is built (levels full and userns)."""
    visible: list[str] = field(default_factory=list)
    """Folders and files shown read-only, in addition to those of the system."""
    hidden: list[str] = field(default_factory=list)
    """Paths that stay empty, even below a visible one."""
    hosts: dict[str, str] = field(default_factory=dict)
    """Language → module that runs it."""
    packages: str | None = None
    """Folder whose subfolders are shown to single jobs (filesystem.Room); None: there are none."""
    modules: dict[str, str] = field(default_factory=dict)
    """Modules that Python code in a cell can import besides the standard library: name → folder of the package or file
    of the module.
    """
    programs: dict[str, str] = field(default_factory=dict)
    """Programs that hosts run, by name."""
    ports: list[int] | None = None
    """TCP ports that jobs may listen on by number; None: all."""

    @property
    def namespaces(self) -> bool:
        """True if cells have separate namespaces."""
        return self.level in ("full", "userns")

    def inside(self, path: str) -> str:
        """Return the path of a module or program inside of cells.

        With a separate root, the path differs: another file could exist at the original path, for example below /tmp.
        """
        return f"{PROGRAMS}/{path.rpartition('/')[2]}" if self.namespaces else path
