"""Parameters of a bash script. Imports only the standard library, since the host in the cell uses this module too."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ASSIGNMENT = re.compile(
    r"""^[ \t]*(?:(?:export|local|readonly|declare|typeset)[ \t]+(?:-\w+[ \t]+)*)?
        (?P<name>[A-Za-z_]\w*)=(?P<quote>"?)
        \$(?:(?P<plain>[1-9])|\{(?P<braced>[1-9]\d?)(?::?[-=](?P<default>[^}]*))?\})
        (?P=quote)[ \t]*(?:;.*|\#.*)?\r?$""",
    re.MULTILINE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """Positional parameter."""

    name: str
    position: int
    """Position, counted from 1."""
    default: str | None
    """Default; None if the script has none."""


def parameters(content: str) -> list[Parameter]:
    """Return the parameters `x="$1"`, `y="${2:-default}"` … by position; the first name of a position counts."""
    found: dict[int, Parameter] = {}
    for match in _ASSIGNMENT.finditer(content):
        position = int(match["plain"] or match["braced"])
        found.setdefault(position, Parameter(match["name"], position, match["default"]))
    return [found[position] for position in sorted(found)]
