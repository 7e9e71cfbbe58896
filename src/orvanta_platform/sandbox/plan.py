"""What a zygote is told about the cells it makes. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Level = Literal["full", "userns", "landlock", "none"]

PROGRAMS = "/programs"


@dataclass(frozen=True, slots=True)
class Plan:
    """How cells are confined. All paths are absolute.

    `root` is an empty folder on which the cells' file system is built (levels full and userns); `visible`
    are folders and files shown read-only beside the system's own, `hidden` those that stay empty even below a
    visible one. `hosts` maps a language to the module that runs it. Below `packages` lie the folders that single
    jobs are shown (filesystem.Room), None: there are none. `modules` are what Python code in a cell may import
    beside the standard library: the folder of each package, or the file of each module, by name; `programs` what
    hosts run, by name. `ports` are the TCP ports that jobs may listen on by number, None: all.
    """

    level: Level
    root: str
    visible: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)
    packages: str | None = None
    modules: dict[str, str] = field(default_factory=dict)
    programs: dict[str, str] = field(default_factory=dict)
    ports: list[int] | None = None

    @property
    def namespaces(self) -> bool:
        """Whether cells have namespaces of their own."""
        return self.level in ("full", "userns")

    def inside(self, path: str) -> str:
        """Where cells see a module or program.

        In a root of their own at a place of its own: where it lies, in a folder below /tmp say, something else may be.
        """
        return f"{PROGRAMS}/{path.rpartition('/')[2]}" if self.namespaces else path
