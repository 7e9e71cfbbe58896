"""Which parameters a bash script takes. Standard library only: the host in the cell reads them too."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ASSIGNMENT = re.compile(
    r"""^[ \t]*(?:(?:export|local|readonly|declare|typeset)[ \t]+(?:-\w+[ \t]+)*)?
        (?P<name>[A-Za-z_]\w*)=(?P<quote>"?)
        \$(?:(?P<plain>[1-9])|\{(?P<braced>[1-9]\d?)(?::?[-=](?P<default>[^}]*))?\})
        (?P=quote)[ \t]*(?:;.*|\#.*)?$""",
    re.MULTILINE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One positional parameter: `position` from 1, `default` None where the script gives none."""

    name: str
    position: int
    default: str | None


def parameters(content: str) -> list[Parameter]:
    """The parameters of `x="$1"`, `y="${2:-default}"` …, by position; the first name of a position counts."""
    found: dict[int, Parameter] = {}
    for match in _ASSIGNMENT.finditer(content):
        position = int(match["plain"] or match["braced"])
        found.setdefault(position, Parameter(match["name"], position, match["default"]))
    return [found[position] for position in sorted(found)]
