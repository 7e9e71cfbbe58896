"""Tokenizer of the small expression language, which is a subset of JavaScript."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

import msgspec


class Kind(Enum):
    NUMBER = auto()
    STRING = auto()
    NAME = auto()
    OPERATOR = auto()
    END = auto()


class Token(msgspec.Struct, frozen=True):
    """Token of an expression."""

    kind: Kind
    text: str
    value: float | str | None = None
    """Number (a double) or string of a literal."""


_SPACE: Final = re.compile("[\t\v\f\n\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]*")
# A digit, letter or point directly after a number is not part of this language (010, 1n, 1_000, 0x1f, 1.2.3).
_NUMBER: Final = re.compile(r"(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w$.\\])")
_STRING: Final = re.compile(
    r'"([^"\\\n\r]*+(?:\\(?:\r\n|[\s\S])[^"\\\n\r]*+)*+)"'
    r"|'([^'\\\n\r]*+(?:\\(?:\r\n|[\s\S])[^'\\\n\r]*+)*+)'"
)
_OPERATOR: Final = re.compile(r"===|!==|&&|\|\||<=(?!=)|>=(?!=)|\?\.(?![0-9])|[!<>().\[\];-]")
_ESCAPE: Final = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,8})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|[\s\S]))")
_SIMPLE: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_LINE_BREAKS: Final = frozenset({"\n", "\r", "\r\n", "\u2028", "\u2029"})


class _UnknownEscape(Exception):
    """Escape that is invalid, or has another meaning, in this language."""


def tokenize(text: str) -> list[Token] | None:
    """Return the tokens followed by an END, or None if the text contains anything else."""
    tokens: list[Token] = []
    position = 0
    while True:
        space = _SPACE.match(text, position)
        position = space.end() if space else position
        if position == len(text):
            tokens.append(Token(Kind.END, ""))
            return tokens
        found = _token(text, position)
        if found is None:
            return None
        token, position = found
        tokens.append(token)


def _token(text: str, position: int) -> tuple[Token, int] | None:
    if match := _NUMBER.match(text, position):
        return Token(Kind.NUMBER, match[0], float(match[0])), match.end()
    if match := _STRING.match(text, position):
        try:
            value = _unescape(match[1] if match[1] is not None else match[2])
        except _UnknownEscape:
            return None
        return Token(Kind.STRING, match[0], value), match.end()
    end = _name_end(text, position)
    if end > position:
        return Token(Kind.NAME, text[position:end]), end
    if match := _OPERATOR.match(text, position):
        return Token(Kind.OPERATOR, match[0]), match.end()
    return None


def _name_end(text: str, position: int) -> int:
    end = position
    while end < len(text) and (text[end] == "$" or f"_{text[end]}".isidentifier()):
        end += 1
    first = text[position:end][:1]
    return end if first == "$" or first.isidentifier() else position


def _unescape(body: str) -> str:
    if "\\" not in body:
        return body
    value = _ESCAPE.sub(_escaped, body)
    # A pair of \uXXXX surrogate escapes is one character.
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _escaped(match: re.Match[str]) -> str:
    hexadecimal = match[1] or match[2] or match[3]
    if hexadecimal:
        code = int(hexadecimal, 16)
        if code > 0x10FFFF:
            raise _UnknownEscape
        return chr(code)
    char = match[4]
    if char in _LINE_BREAKS:
        return ""
    following = match.string[match.end() : match.end() + 1]
    if char in "ux" or char in "123456789" or (char == "0" and following.isdigit()):
        raise _UnknownEscape
    return _SIMPLE.get(char, char)
