"""Packages of a PHP script: the lines after a comment `// require:`."""

from __future__ import annotations

import re
from typing import Final

from orvanta_platform.errors import InvalidScript

_HEADER: Final = re.compile(r"(?://|#)[ \t]*require:")
_ENTRY: Final = re.compile(
    r"(?P<name>[a-z0-9]+(?:[_.-][a-z0-9]+)*/[a-z0-9]+(?:(?:[_.]|-{1,2})[a-z0-9]+)*)"
    r"(?:@(?P<range>[A-Za-z0-9^~*<>=!][A-Za-z0-9.^~*<>=!|,@ +/-]*))?"
)


def packages(content: str) -> dict[str, str]:
    """Return name → range of composer.json, empty for any. Raises InvalidScript for an invalid line."""
    found: dict[str, str] = {}
    is_listed = False
    for line in content.splitlines():
        text = line.strip()
        if _HEADER.fullmatch(text):
            is_listed = True
            continue
        entry = text.lstrip("/#").strip() if text.startswith(("//", "#")) else ""
        is_listed = is_listed and entry != ""
        if is_listed:
            name, range_ = _split(entry)
            if found.setdefault(name, range_) != range_:
                raise InvalidScript(f"The script requires {name} twice with different versions.")
    return found


def _split(entry: str) -> tuple[str, str]:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise InvalidScript(
            f"{entry[:200]!r} is not a package of Composer.",
            hint="Write vendor/name or vendor/name@^1.2 on each line after // require:, and an empty line behind them.",
        )
    return match["name"], (match["range"] or "").strip()
