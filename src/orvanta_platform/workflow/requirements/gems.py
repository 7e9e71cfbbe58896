"""Gems of a Ruby script: the lines of its block `gemfile do … end`, as with `bundler/inline`."""

from __future__ import annotations

import re
from typing import Final

from orvanta_platform.errors import InvalidScript

_BEGIN: Final = re.compile(r"gemfile\b.*\bdo")
_END: Final = re.compile(r"end\b.*")
_MAX_LINE: Final = 1_000
"""Maximum length of a line in a block."""

_QUOTED: Final = r"""(?:"[^"#\n]*"|'[^'\n]*')"""
_GEM: Final = re.compile(
    rf"gem[ \t(]+(?P<name>{_QUOTED})(?P<ranges>(?:[ \t]*,[ \t]*{_QUOTED})*)"
    r"(?:[ \t]*,[ \t]*require:[^#\n]*)?[ \t]*\)?[ \t]*(?:#.*)?"
)
_IGNORED: Final = re.compile(r"(?:source\b.*|#.*|)")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RANGE: Final = re.compile(r"(?:=|!=|>=|<=|>|<|~>)?[ \t]*[0-9][A-Za-z0-9.-]*")


def packages(content: str) -> dict[str, str]:
    """Return name → ranges joined by ", ", empty for any. Raises InvalidScript for a line that is no gem."""
    found: dict[str, str] = {}
    is_inside = False
    for line in content.splitlines():
        text = line.strip()
        if not is_inside:
            is_inside = text.startswith("gemfile") and _BEGIN.fullmatch(text) is not None
        elif _END.fullmatch(text):
            is_inside = False
        elif not _IGNORED.fullmatch(text):
            name, ranges = _split(text)
            if found.setdefault(name, ranges) != ranges:
                raise InvalidScript(f"The script requires {name} twice with different versions.")
    return found


def _split(line: str) -> tuple[str, str]:
    match = _GEM.fullmatch(line) if len(line) <= _MAX_LINE else None
    words = [] if match is None else [each[1:-1] for each in re.findall(_QUOTED, match["name"] + match["ranges"])]
    if not words or not _NAME.fullmatch(words[0]) or not all(map(_RANGE.fullmatch, words[1:])):
        raise InvalidScript(
            f"{line[:200]!r} is not a gem.",
            hint='Write gem "name" or gem "name", "~> 1.2" in the block gemfile; only the option require is available.',
        )
    return words[0], ", ".join(words[1:])
