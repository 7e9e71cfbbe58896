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
    position, levels = 0, list[int]()
    before = ""
    while position < len(text):
        found = _next(text, position, levels, before)
        if found.kind not in ("space", "comment"):
            before = found.text
        yield found
        position += len(found.text)


def _next(text: str, position: int, levels: list[int], before: str) -> Token:
    """Return the token at a position. `levels` holds the open braces of each open template, -1 in its text."""
    char = text[position]
    if levels and levels[-1] == -1:
        end = _end(_TEMPLATE, text, position)
        if end > position:
            return Token("template", text[position:end], position)
        if char == "`":
            levels.pop()
            return Token("mark", char, position)
        if text.startswith("${", position):
            levels[-1] = 0
            return Token("mark", "${", position)
        return Token("template", char, position)
    if char == "`":
        levels.append(-1)
        return Token("mark", char, position)
    if levels and char in "{}":
        levels[-1] += 1 if char == "{" else -1
    operand = before and _OPERAND.match(before[-1]) and before not in _BEFORE_PATTERN
    if char == "/" and text[position + 1 : position + 2] not in ("/", "*") and not operand:
        pattern = _PATTERN.match(text, position)
        if pattern:
            return Token("pattern", pattern[0], position)
    match = _TOKEN.match(text, position)
    assert match is not None and match.lastgroup is not None
    return Token(match.lastgroup, match[0], position)


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position


def segments(text: str) -> list[tuple[bool, str]]:
    """Return the parts of a text with `{{ … }}`: (True, code) for each of these, (False, text) for the others."""
    found: list[tuple[bool, str]] = []
    position, balanced = 0, True
    while (start := text.find("{{", position)) >= 0:
        end = _closing(text, start + 2) if balanced else None
        if end is None:  # braces that do not match: from here on the next `}}` closes, in linear time
            balanced = False
            end = text.find("}}", start)
        if end < 0:
            break
        if start > position:
            found.append((False, text[position:start]))
        found.append((True, text[start + 2 : end]))
        position = end + 2
    if position < len(text):
        found.append((False, text[position:]))
    return found


def _closing(text: str, start: int) -> int | None:
    """Return the position of the `}}` that closes an expression, outside of its own braces and texts."""
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
