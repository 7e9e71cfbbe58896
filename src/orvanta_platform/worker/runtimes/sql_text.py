"""Statements of SQL scripts whose drivers replace `%s` by the values of placeholders. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

_SPACE = re.compile(r"(?:\s+|--[^\n]*|/\*.*?\*/|#[^\n]*)*", re.DOTALL)
_MARK = r"(?P<mark>\?|(?<![:@\w])[:@][A-Za-z_]\w*)"
_WORD = r"(?P<word>[A-Za-z_]\w*)"
_PROGRAMS = frozenset({"procedure", "function", "trigger", "event"})
_INNER_ENDS = frozenset({"if", "loop", "while", "repeat"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """Notation of one database."""

    quoted: str
    """Regular expression of strings, quoted names and comments."""

    separator: str
    """Regular expression of the end of a statement."""

    def tokens(self, content: str) -> Iterator[re.Match[str]]:
        """Yield all parts of a script: `quoted`, `end`, `mark`, `word` or `other`."""
        parts = f"(?P<quoted>{self.quoted})|(?P<end>{self.separator})|{_MARK}|{_WORD}|(?P<other>.)"
        return re.compile(parts, re.DOTALL | re.MULTILINE | re.IGNORECASE).finditer(content)


MYSQL = Dialect(
    r"""--(?=\s)[^\n]*|\#[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`""".replace("\\#", "#"), ";"
)
BATCHES = Dialect(r"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\[[^\]\n]*\]""", r"^[ \t]*go[ \t]*(?:;[ \t]*)?$")
"""SQL Server: statements up to a line `GO` are one batch, whose variables they share."""

STANDARD = Dialect(r"""--[^\n]*|/\*.*?\*/|\$\$.*?\$\$|'(?:[^'\\]|\\.|'')*'|"(?:[^"]|"")*"|`[^`]*`""", ";")


@dataclass(slots=True)
class Statement:
    """One statement. `text` has `%s` for each of `marks`, and `%%` for a percent sign if there are marks."""

    text: str
    marks: list[str]
    line: int
    """Line of the script on which it starts, from 1."""


@dataclass(slots=True)
class _Open:
    start: int
    parts: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    depth: int = 0

    def add_word(self, word: str) -> None:
        """Count the blocks of a stored program, whose semicolons end no statement."""
        last = self.words[-1] if self.words else ""
        self.words.append(word)
        if self.words[0] != "create" or _PROGRAMS.isdisjoint(self.words):
            return
        if word in ("begin", "case") and last != "end":
            self.depth += 1
        elif word == "end":
            self.depth -= 1
        elif last == "end" and word in _INNER_ENDS:
            self.depth += 1


def statements(content: str, dialect: Dialect, declared: Collection[str]) -> list[Statement]:
    """Return the statements of a script, without empty ones. Only placeholders in `declared` are replaced."""
    found: list[Statement] = []
    current, number = _Open(0), 0
    for token in dialect.tokens(content):
        if token.lastgroup == "end" and current.depth <= 0:
            found += _closed(content, current, token.start())
            current = _Open(token.end())
            continue
        mark = token["mark"]
        if mark == "?":
            mark = f"?{number + 1}"
            number += mark in declared
        if mark in declared:
            current.marks.append(mark)
            current.parts.append("%s")
            continue
        if token.lastgroup == "word":
            current.add_word(token[0].lower())
        current.parts.append(token[0].replace("%", "%%"))
    return found + _closed(content, current, len(content))


def _closed(content: str, current: _Open, end: int) -> list[Statement]:
    space = _SPACE.match(content, current.start, end)
    begin = space.end() if space else current.start
    if begin >= end:
        return []
    text = "".join(current.parts)
    line = content.count("\n", 0, begin) + 1
    return [Statement(text if current.marks else text.replace("%%", "%"), current.marks, line)]
