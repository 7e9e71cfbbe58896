"""What JavaScript text may read, found without parsing it: never less than it reads, sometimes more."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal, TypeAlias, get_args

Opener: TypeAlias = Literal["variable", "resource"]
"""The functions of the scope that open what a workspace keeps."""

ROOTS: Final = (
    *("flow_input", "results", "previous_result", "result", "error", "errors", "context"),
    *("resume", "resumes", "approvers", "flow_env"),
)
"""The values of the scope."""

_WORD: Final = "[A-Za-z0-9_$]"
_CACHED_SOURCE: Final = 4096

# A name, then the member read of it where that is written out in plain letters. Whatever follows otherwise
# (an index, a comment, a letter beyond ASCII) means the whole value.
_READ: Final = re.compile(
    rf"(?<!{_WORD})({'|'.join(ROOTS)})(?!{_WORD})"
    rf"(?:\s*\??\.\s*([A-Za-z_$]{_WORD}*+)(?![^\x00-\x7f]|\\)"
    r"""|\s*(?:\?\.\s*)?\[\s*(?:"([^"\\\n\r]*+)"|'([^'\\\n\r]*+)')\s*\])?"""
)
_EVAL: Final = re.compile(rf"(?<!{_WORD})eval(?!{_WORD})")
_OPENER: Final = re.compile(rf"(?<!{_WORD})(?:{'|'.join(get_args(Opener))})(?!{_WORD})")
_OPENED: Final = re.compile(rf"(?<!{_WORD})({'|'.join(get_args(Opener))})\s*\(\s*([\"'`])([^\"'`\\\n\r]*)\2\s*\)")
_ESCAPED: Final = re.compile(r"\\u(?:\{0*([0-9a-fA-F]{2})\}|00([0-9a-fA-F]{2}))")


def names_of_text(text: str) -> dict[str, frozenset[str] | None]:
    """Of each value of the scope the members that `text` may read, None where that is not known: the whole."""
    return _names(text) if len(text) > _CACHED_SOURCE else _cached_names(text)


def opened_by_text(text: str) -> frozenset[tuple[Opener, str]]:
    """The literal paths of variable("…") and resource("…")."""
    return _opened(text) if len(text) > _CACHED_SOURCE else _cached_opened(text)


def mentions_opener(text: str) -> bool:
    """Whether `text` may open a variable or a resource, by whatever path."""
    plain = _plain(text)
    return bool(_OPENER.search(plain) or _EVAL.search(plain))


def _names(text: str) -> dict[str, frozenset[str] | None]:
    plain = _plain(text)
    if _EVAL.search(plain):
        return dict.fromkeys(ROOTS)
    found: dict[str, frozenset[str] | None] = {}
    for match in _READ.finditer(plain):
        root, *members = match.groups()
        member = next((each for each in members if each is not None), None)
        before = found.get(root, frozenset())
        found[root] = None if member is None or before is None else before | {member}
    return found


def _plain(text: str) -> str:
    return _ESCAPED.sub(_unescaped, text) if "\\u" in text else text


def _unescaped(match: re.Match[str]) -> str:
    """Letters of a name may be escapes; anything else stays, so that no quote ends earlier than it does."""
    char = chr(int(match[1] or match[2], 16))
    return char if re.fullmatch(_WORD, char) else match[0]


def _opened(text: str) -> frozenset[tuple[Opener, str]]:
    found = ((kind, path) for kind, quote, path in _OPENED.findall(text) if quote != "`" or "${" not in path)
    return frozenset(found)


_cached_names = lru_cache(maxsize=4096)(_names)
_cached_opened = lru_cache(maxsize=4096)(_opened)
