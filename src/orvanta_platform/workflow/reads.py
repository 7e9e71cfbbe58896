"""Names that JavaScript text may read, found without parsing it: a superset of what it reads."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal, TypeAlias, get_args

Opener: TypeAlias = Literal["variable", "resource"]
"""Functions of the scope that open variables and resources of the workspace."""

OPENERS: Final = get_args(Opener)

ROOTS: Final = (
    *("flow_input", "results", "previous_result", "result", "error", "errors", "context"),
    *("resume", "resumes", "approvers", "flow_env"),
)
"""Values of the scope."""

_WORD: Final = "[A-Za-z0-9_$]"
_CACHED_SOURCE: Final = 4096

# A name, followed by the member read from it if that is written in plain letters. Anything else (an index, a comment, a
# letter beyond ASCII) means the whole value.
_NAME_READ: Final = re.compile(
    rf"(?<!{_WORD})({'|'.join(ROOTS)})(?!{_WORD})"
    rf"(?:\s*\??\.\s*([A-Za-z_$]{_WORD}*+)(?![^\x00-\x7f]|\\)"
    r"""|\s*(?:\?\.\s*)?\[\s*(?:"([^"\\\n\r]*+)"|'([^'\\\n\r]*+)')\s*\])?"""
)
_EVAL: Final = re.compile(rf"(?<!{_WORD})eval(?!{_WORD})")
_OPENER: Final = re.compile(rf"(?<!{_WORD})(?:{'|'.join(OPENERS)})(?!{_WORD})")
_OPENED: Final = re.compile(rf"(?<!{_WORD})({'|'.join(OPENERS)})\s*\(\s*([\"'`])([^\"'`\\\n\r]*)\2\s*\)")
_ESCAPED: Final = re.compile(r"\\u(?:\{0*([0-9a-fA-F]{2})\}|00([0-9a-fA-F]{2}))")


def names_of_text(text: str) -> dict[str, frozenset[str] | None]:
    """Return the members that `text` may read from each value of the scope; None for the whole value."""
    return _names(text) if len(text) > _CACHED_SOURCE else _cached_names(text)


def opened_by_text(text: str) -> frozenset[tuple[Opener, str]]:
    """Return the literal paths of variable("…") and resource("…")."""
    return _opened(text) if len(text) > _CACHED_SOURCE else _cached_opened(text)


def mentions_opener(text: str) -> bool:
    """Return whether `text` may open a variable or a resource, by any path."""
    plain = _plain(text)
    return bool(_OPENER.search(plain) or _EVAL.search(plain))


def _names(text: str) -> dict[str, frozenset[str] | None]:
    plain = _plain(text)
    if _EVAL.search(plain):
        return dict.fromkeys(ROOTS)
    found: dict[str, frozenset[str] | None] = {}
    for match in _NAME_READ.finditer(plain):
        root, *members = match.groups()
        member = next((each for each in members if each is not None), None)
        members_so_far = found.get(root, frozenset())
        found[root] = None if member is None or members_so_far is None else members_so_far | {member}
    return found


def _plain(text: str) -> str:
    return _ESCAPED.sub(_unescaped, text) if "\\u" in text else text


def _unescaped(match: re.Match[str]) -> str:
    """Replace escapes of letters in names; all others stay, so that no quote ends early."""
    char = chr(int(match[1] or match[2], 16))
    return char if re.fullmatch(_WORD, char) else match[0]


def _opened(text: str) -> frozenset[tuple[Opener, str]]:
    found = ((kind, path) for kind, quote, path in _OPENED.findall(text) if quote != "`" or "${" not in path)
    return frozenset(found)


_cached_names = lru_cache(maxsize=4096)(_names)
_cached_opened = lru_cache(maxsize=4096)(_opened)
