"""What a zygote is told about the cells it makes. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Level = Literal["full", "userns", "landlock", "none"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How cells are confined. All paths are absolute.

    `root` is an empty folder on which the cells' file system is built (levels full and userns); `visible`
    are folders shown read-only beside the system's own, `hidden` those that stay empty even below a visible
    one. `hosts` maps a language to the module that runs it.
    """

    level: Level
    root: str
    visible: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)

    @property
    def namespaces(self) -> bool:
        """Whether cells have namespaces of their own."""
        return self.level in ("full", "userns")
