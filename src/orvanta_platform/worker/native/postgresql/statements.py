"""Splitting of a SQL script into statements, and the arguments that these use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

_MAX_DIGITS: Final = 5
"""Maximum number of digits of a parameter: PostgreSQL has at most 65,535 parameters."""

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


class Statement(msgspec.Struct, frozen=True):
    """One statement, with its parameters renumbered from $1."""

    text: str
    arguments: tuple[int, ...]
    """The numbers of the parameters in the script, in the order of their new numbers."""

    line: int
    """Line of the script on which the statement starts, from 1."""

    verb: str
    """The first word, in lower case."""


class InvalidParameter(ValueError):
    """Raised if the number of a parameter is too large."""


class _Token(msgspec.Struct, frozen=True):
    kind: str
    text: str
    start: int


def statements(content: str, types: Mapping[int, str]) -> list[Statement]:
    """Return the statements between the semicolons, without those that are empty or only comments.

    `types` maps parameter numbers to SQL types; each parameter in it is cast to its type wherever it occurs.
    Raises InvalidParameter.
    """
    found: list[Statement] = []
    line = 1
    seen = 0
    for tokens in _split(content):
        first = next((token for token in tokens if token.kind != "space"), None)
        if first is not None:
            line += content.count("\n", seen, first.start)
            seen = first.start
            found.append(_statement(tokens, first, line, types))
    return found


def _statement(tokens: list[_Token], first: _Token, line: int, types: Mapping[int, str]) -> Statement:
    """Build the statement from its tokens, of which `first` is the first one that is not space."""
    numbers: dict[int, int] = {}
    parts = []
    for token in tokens[tokens.index(first) :]:
        if token.kind == "number":
            if len(token.text) > 1 + _MAX_DIGITS:
                raise InvalidParameter(f"{token.text[:20]}… is no parameter: the largest number is 65535")
            number = int(token.text[1:])
            parameter = f"${numbers.setdefault(number, len(numbers) + 1)}"
            parts.append(f"({parameter}::{types[number]})" if number in types else parameter)
        else:
            parts.append(token.text)
    return Statement("".join(parts), tuple(numbers), line, first.text.lower())


def _split(content: str) -> Iterator[list[_Token]]:
    """Split at semicolons, except in parentheses (CREATE RULE) and in BEGIN ATOMIC … END."""
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
    """Return the end of the comment whose content starts at `at`. Comments may be nested."""
    depth = 1
    for match in re.compile(r"/\*|\*/").finditer(content, at):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return len(content)
