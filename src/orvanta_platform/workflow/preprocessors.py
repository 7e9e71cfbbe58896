"""Functions `preprocessor(event)` in code, which compute the arguments of `main` from the event of a trigger."""

from __future__ import annotations

import re
from typing import Final

_PYTHON: Final = re.compile(r"^(?:async[ \t]+)?def[ \t]+preprocessor[ \t]*\(", re.MULTILINE)
_TYPESCRIPT: Final = re.compile(
    r"^[ \t]*export[ \t]+(?:(?:async[ \t]+)?function[ \t]+|(?:const|let|var)[ \t]+|\{[^}]{0,1000}?\b)preprocessor\b",
    re.MULTILINE,
)
_PATTERNS: Final = {"python3": _PYTHON} | dict.fromkeys(("bun", "bunnative", "nativets", "deno"), _TYPESCRIPT)

_EVENT: Final = re.compile(rb'\s*\{\s*"event"\s*:\s*\{\s*"kind"\s*:')


def defines_preprocessor(language: str | None, content: str) -> bool:
    """Return whether the code defines a function `preprocessor`, which only Python and TypeScript can."""
    pattern = _PATTERNS.get(language or "")
    return pattern is not None and "preprocessor" in content and pattern.search(content) is not None


def is_event(args: bytes) -> bool:
    """Return whether arguments (JSON object text) are the event of a trigger instead of arguments of `main`."""
    return _EVENT.match(args) is not None
