"""Version of Python that a script asks for: a comment `# py: 3.13` at its start, or `requires-python` of PEP 723."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_COMMENT: Final = re.compile(
    r"#[ \t]*+py[ \t]*+(?::[ \t]*+)?(?P<wanted>(?:[=~!<>]=?[ \t]*+)?3[0-9.*][0-9.*,=~!<> \t]*+)$"
)
_REQUIRED: Final = re.compile(
    r"""[ \t]*+(?:requires-python|"requires-python"|'requires-python')[ \t]*+=[ \t]*+"""
    r"""(?:"(?P<basic>[^"\\]*+)"|'(?P<literal>[^']*+)')[ \t]*+(?:\#.*+)?"""
)
_SHORT: Final = re.compile(r"3(?P<minor>\d\d)")
_BLOCK: Final = re.compile(r"^# /// script[ \t]*\r?\n", re.MULTILINE)
_MAX_HEAD: Final = 64 << 10
"""Characters of a script in which the comment is searched for."""

_MAX_COMMENT: Final = 200
"""Maximum length of the comment, and of the line that requires versions."""

_MAX_LINES: Final = 1_000
"""Maximum number of lines of a block of PEP 723."""

_CLAUSE: Final = re.compile(
    r"(?P<operator>===?|~=|!=|<=|>=|<|>)?\s*(?P<version>[0-9]{1,9}(?:\.[0-9]{1,9})*)(?P<any>\.\*)?"
)


def wanted_python(content: str) -> str | None:
    """Return the versions of Python that a script accepts (`3.13`, `>=3.12,<3.14`); None if it names none."""
    for line in content[:_MAX_HEAD].replace("\r\n", "\n").split("\n"):
        if line and not line.startswith("#"):
            break
        found = _COMMENT.match(line) if len(line) <= _MAX_COMMENT else None
        if found is not None:
            short = _SHORT.fullmatch(found["wanted"].strip())
            return f"3.{short['minor']}" if short else found["wanted"].strip()
    return _required(content) if "requires-python" in content else None


def _required(content: str) -> str | None:
    block = _BLOCK.search(content)
    for line in (block is not None and _metadata(content, block.end())) or ():
        if line.startswith("["):  # a table: its members are others
            break
        found = _REQUIRED.fullmatch(line) if len(line) <= _MAX_COMMENT else None
        if found is not None:
            return (found["basic"] or found["literal"] or "").strip() or None
    return None


def _metadata(content: str, start: int) -> list[str] | None:
    """Return the lines of a block of PEP 723 whose lines begin at `start`; None if it does not end.

    Every worker reads it for each job: the number of lines is limited, and no line is read twice.
    """
    lines: list[str] = []
    while len(lines) < _MAX_LINES:
        end = content.find("\n", start)
        line = content[start : None if end == -1 else end].rstrip(" \t\r")
        if line == "# ///":
            return lines
        if end == -1 or not (line == "#" or line.startswith("# ")):
            return None
        lines.append(line[2:])
        start = end + 1
    return None


def satisfies(version: Sequence[int], wanted: str) -> bool:
    """Return whether a version (3, 13, 1) is among the wanted ones. A version without operator includes its patches."""
    return all(_fits(tuple(version), clause.strip()) for clause in wanted.split(",") if clause.strip())


def _fits(version: tuple[int, ...], clause: str) -> bool:
    found = _CLAUSE.fullmatch(clause)
    if found is None:
        return False
    named = tuple(map(int, found["version"].split(".")))
    shortened = version[: len(named)]
    match found["operator"]:
        case "~=":
            return version >= named and version[: len(named) - 1] == named[:-1]
        case "!=":
            return shortened != named
        case "<":
            return version < named
        case "<=":
            return shortened <= named
        case ">":
            return shortened > named
        case ">=":
            return version >= named
        case _:
            return shortened == named
