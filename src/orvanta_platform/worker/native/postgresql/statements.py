"""The statements of a SQL script and the arguments they name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|--[^\n]*)
    |(?P<block>/\*)
    |(?P<text>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?P<dollars>\$(?:[^\W\d]\w*)?\$)
    |(?P<word>[^\W\d][\w$]*|\d[\w$.]*)
    |\$(?P<number>\d+)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, its parameters numbered anew from $1: `arguments` are the numbers that the script gave them.

    `line` (from 1) is where it begins; `verb` its first word in lower case.
    """

    text: str
    arguments: tuple[int, ...]
    line: int
    verb: str


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int


def statements(content: str, types: Mapping[int, str]) -> list[Statement]:
    """What stands between the semicolons, without what is empty or comment alone.

    A parameter whose type is among `types` (by its number, as SQL writes it) is of that type wherever it stands.
    """
    found: list[Statement] = []
    line = 1
    seen = 0
    for tokens in _split(content):
        meant = next((token for token in tokens if token.kind != "space"), None)
        if meant is not None:
            line += content.count("\n", seen, meant.start)
            seen = meant.start
            found.append(_statement(tokens, line, types))
    return found


def _statement(tokens: list[_Token], line: int, types: Mapping[int, str]) -> Statement:
    """The statement made of tokens that are not all space."""
    meant = [token for token in tokens if token.kind != "space"]
    numbers: dict[int, int] = {}
    parts = []
    for token in tokens[tokens.index(meant[0]) :]:
        if token.kind == "number":
            number = int(token.text[1:])
            place = f"${numbers.setdefault(number, len(numbers) + 1)}"
            parts.append(f"({place}::{types[number]})" if number in types else place)
        else:
            parts.append(token.text)
    return Statement("".join(parts), tuple(numbers), line, meant[0].text.lower())


def _split(content: str) -> Iterator[list[_Token]]:
    """Semicolons in parentheses (CREATE RULE) and in BEGIN ATOMIC … END belong to their statement."""
    tokens: list[_Token] = []
    brackets = blocks = 0
    before = ""
    for token in _tokens(content):
        word = token.text.lower() if token.kind == "word" else ""
        if token.text == ";" and brackets <= 0 and blocks == 0:
            yield tokens
            tokens, brackets = [], 0
            continue
        tokens.append(token)
        brackets += (token.text == "(") - (token.text == ")")
        if word == "atomic" and before == "begin":
            blocks = 1
        elif blocks:
            blocks += (word == "case") - (word == "end")
        if token.kind != "space":
            before = word
    yield tokens


def _tokens(content: str) -> Iterator[_Token]:
    at = 0
    while (match := _TOKEN.match(content, at)) is not None:
        end, kind = match.end(), str(match.lastgroup)
        if kind == "block":
            end, kind = _block_end(content, end), "space"
        elif kind == "dollars":
            # An unterminated string extends to the end, and the server reports it. Its end is searched for only once.
            closing = content.find(match[0], end)
            end, kind = closing + len(match[0]) if closing >= 0 else len(content), "text"
        yield _Token(kind, content[at:end], at)
        at = end


def _block_end(content: str, at: int) -> int:
    """Where the comment ends whose inside begins at `at`: comments stand in comments."""
    depth = 1
    for match in re.compile(r"/\*|\*/").finditer(content, at):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return len(content)
