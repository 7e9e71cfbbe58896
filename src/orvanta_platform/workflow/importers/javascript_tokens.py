"""Tokens of JavaScript expressions, sufficient to find names outside of texts and comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"""(?P<string>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")"""
    r"|(?P<comment>//[^\n]*|/\*.*?\*/)"
    r"|(?P<name>(?:[^\W\d]|\$)[\w$]*)"
    r"|(?P<number>\d[\w.]*)"
    r"|(?P<space>\s+)"
    r"|(?P<mark>.)",
    re.DOTALL,
)
_PATTERN: Final = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*")
_TEMPLATE: Final = re.compile(r"(?:\\.|\$(?!\{)|[^`\\$])*", re.DOTALL)
_OPERAND: Final = re.compile(r"[\w$)\]}]")
_BEFORE_PATTERN: Final = frozenset({"return", "typeof", "case", "in", "of", "void", "delete"})


class Token(NamedTuple):
    """Part of a text."""

    kind: str
    """string, template, comment, pattern, name, number, space or mark."""
    text: str
    start: int


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of JavaScript; together they are the text."""
    place, levels = 0, list[int]()
    before = ""
    while place < len(text):
        found = _next(text, place, levels, before)
        if found.kind not in ("space", "comment"):
            before = found.text
        yield found
        place += len(found.text)


def _next(text: str, place: int, levels: list[int], before: str) -> Token:
    """Return the token at a place. `levels` holds the open braces of each open template, -1 in its text."""
    char = text[place]
    if levels and levels[-1] == -1:
        end = _end(_TEMPLATE, text, place)
        if end > place:
            return Token("template", text[place:end], place)
        if char == "`":
            levels.pop()
            return Token("mark", char, place)
        if text.startswith("${", place):
            levels[-1] = 0
            return Token("mark", "${", place)
        return Token("template", char, place)
    if char == "`":
        levels.append(-1)
        return Token("mark", char, place)
    if levels and char in "{}":
        levels[-1] += 1 if char == "{" else -1
    operand = before and _OPERAND.match(before[-1]) and before not in _BEFORE_PATTERN
    if char == "/" and text[place + 1 : place + 2] not in ("/", "*") and not operand:
        pattern = _PATTERN.match(text, place)
        if pattern:
            return Token("pattern", pattern[0], place)
    match = _TOKEN.match(text, place)
    assert match is not None and match.lastgroup is not None
    return Token(match.lastgroup, match[0], place)


def _end(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.match(text, place)
    return found.end() if found else place


def segments(text: str) -> list[tuple[bool, str]]:
    """Return the parts of a text with `{{ … }}`: (True, code) for each of these, (False, text) for the others."""
    found: list[tuple[bool, str]] = []
    place, balanced = 0, True
    while (start := text.find("{{", place)) >= 0:
        end = _closing(text, start + 2) if balanced else None
        if end is None:  # braces that do not match: from here on the next `}}` closes, in linear time
            balanced = False
            end = text.find("}}", start)
        if end < 0:
            break
        if start > place:
            found.append((False, text[place:start]))
        found.append((True, text[start + 2 : end]))
        place = end + 2
    if place < len(text):
        found.append((False, text[place:]))
    return found


def _closing(text: str, start: int) -> int | None:
    """Return the place of the `}}` that closes an expression, outside of its own braces and texts."""
    level = 0
    for token in tokens(text[start:]):
        if token.kind == "mark" and token.text in ("{", "${"):
            level += 1
        elif token.kind == "mark" and token.text == "}":
            if level == 0:
                return start + token.start if text.startswith("}}", start + token.start) else None
            level -= 1
    return None


def template_text(text: str) -> str:
    """Return a text as part of a template literal."""
    return text.replace("\\", "\\\\").replace("`", "\\`").replace("${", "\\${")
