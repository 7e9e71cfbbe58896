"""What a Go script says of itself: its package, its imports, the parameters of its `main`. Never compiled here.

Standard library only: the host in the cell reads scripts too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orvanta_platform.workflow.signature.parameter import Parameter, resource, snake

_LONGEST: Final = 500_000
_DEEPEST, _MOST = 8, 2_000
_TOKEN: Final = re.compile(
    r"""(?P<space>(?:[ \t\r\n]+|//[^\n]*|/\*.*?(?:\*/|\Z))+)
    | (?P<text>`[^`]*(?:`|\Z)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)
    | (?P<word>[^\W\d]\w*)
    | (?P<sign>\d[\w.]*|\.\.\.|.)""",
    re.DOTALL | re.VERBOSE,
)
_WORDS: Final = {
    "string": "string rune error",
    "integer": "int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 byte",
    "number": "float32 float64",
    "boolean": "bool",
}
_TYPES: Final[Mapping[str, dict[str, Any]]] = {
    **{word: {"type": kind} for kind, words in _WORDS.items() for word in words.split()},
    "time.Time": {"type": "string", "format": "date-time"},
    "json.RawMessage": {},
    "json.Number": {"type": "number"},
    "any": {},
}
_NO_NAMES: Final = frozenset({"map", "chan", "func", "struct", "interface"})
"""Words that begin a type and are nobody's name."""


@dataclass(frozen=True, slots=True)
class Import:
    """One import of a script: the path without its quotes, the line from 1."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def package(content: str) -> str | None:
    """The name of the package that the script is of; None where it names none."""
    words = [each for each in _tokens(content[:_LONGEST]) if each.text != "\n"][:2]
    return words[1].text if len(words) == 2 and words[0].text == "package" and words[1].kind == "word" else None


def imports(content: str) -> list[Import]:
    """The imports as written."""
    found: list[Import] = []
    tokens = _tokens(content[:_LONGEST])
    depth = 0
    for token in tokens:
        depth += _step(token)
        if depth == 0 and token.text == "import":
            inside = 0
            for each in tokens:
                inside += _step(each)
                if each.kind == "text" and len(each.text) > 1:
                    found.append(Import(each.text[1:-1], each.line))
                if inside == 0 and (each.kind == "text" or each.text in ")\n;"):
                    break
    return found


def parameters(content: str) -> list[Parameter] | None:
    """The inputs `func main(name string, n int) (T, error)` takes; names may share a type.

    None where there is no `main`. What has no name cannot be given, and is left out. A pointer or `...T` may be absent.
    """
    tokens = list(_tokens(content[:_LONGEST]))
    given = _of_main(tokens)
    if given is None:
        return None
    types = _Types(tokens)
    return [
        Parameter(name, types.schema(kind), kind[0].text not in ("*", "..."))
        for name, kind in _named(given)
        if name not in ("_", "")
    ]


def names(content: str) -> list[str] | None:
    """The names of the parameters of `main` in their order, "" of one without; None where there is no `main`."""
    given = _of_main(list(_tokens(content[:_LONGEST])))
    return None if given is None else ["" if name == "_" else name for name, _ in _named(given)]


def _tokens(content: str) -> Iterator[_Token]:
    """Words, texts and signs; white space with a line's end in it is one "\\n"."""
    line = 1
    for match in _TOKEN.finditer(content):
        kind, text = match.lastgroup or "", match[0]
        if kind != "space":
            yield _Token(kind, text, line)
        elif "\n" in text:
            yield _Token("sign", "\n", line)
        line += text.count("\n")


def _step(token: _Token) -> int:
    if token.kind != "sign":
        return 0
    return (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))


def _of_main(tokens: list[_Token]) -> list[list[_Token]] | None:
    """The parameters of the function `main`, each its tokens."""
    depth, plain = 0, [each for each in tokens if each.text != "\n"]
    for at, token in enumerate(plain):
        if depth == 0 and [each.text for each in plain[at : at + 3]] == ["func", "main", "("]:
            return _parts(plain, at + 3, ",")
        depth += _step(token)
    return None


def _parts(tokens: list[_Token], start: int, separators: str) -> list[list[_Token]] | None:
    """What stands from `start` to the bracket that closes it, split; None where nothing closes it."""
    parts: list[list[_Token]] = [[]]
    depth = 0
    for token in tokens[start:]:
        depth += _step(token)
        if depth < 0:
            return [part for part in parts if part]
        if depth == 0 and token.kind == "sign" and token.text in separators:
            parts.append([])
        else:
            parts[-1].append(token)
    return None


def _named(parts: list[list[_Token]]) -> list[tuple[str, list[_Token]]]:
    """The name and the type of each parameter; either all have names or none."""
    if not any(map(_has_name, parts)):
        return [("", part) for part in parts]
    found: list[tuple[str, list[_Token]]] = []
    waiting: list[str] = []
    for part in parts:
        waiting.append(part[0].text)
        if len(part) > 1:
            found += [(name, part[1:]) for name in waiting]
            waiting = []
    return found


def _has_name(part: list[_Token]) -> bool:
    return len(part) > 1 and part[0].kind == "word" and part[0].text not in _NO_NAMES and part[1].text != "."


class _Types:
    """The types that a script declares, and the schemas of types."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._left = _MOST
        self._declared = dict(self._read())

    def _read(self) -> Iterator[tuple[str, list[_Token]]]:
        """The types that are declared outside of functions: `type A …`, `type ( A … )`."""
        tokens, at, depth, listed = self._tokens, 0, 0, False
        while at + 2 < len(tokens):
            begins = not listed and depth == 0 and tokens[at].text == "type"
            if begins and tokens[at + 1].text == "(":
                listed = True
            elif begins or (listed and depth == 1 and tokens[at].kind == "word"):
                at += begins
                end = self._end(at + 1)
                yield tokens[at].text, tokens[at + 1 : end]
                at = end
                continue
            depth += _step(tokens[at])
            listed = listed and (depth > 0 or begins)
            at += 1

    def _end(self, start: int) -> int:
        """Where the line ends in which a type begins at `start`."""
        depth = 0
        for at in range(start, len(self._tokens)):
            depth += _step(self._tokens[at])
            if depth < 0 or (depth == 0 and self._tokens[at].text in ("\n", ";")):
                return at
        return len(self._tokens)

    def schema(self, kind: list[_Token], depth: int = 0) -> dict[str, Any]:
        """The JSON Schema of the values that a type takes."""
        texts = [each.text for each in kind if each.text != "\n"]
        self._left -= 1
        if not texts or depth > _DEEPEST or self._left < 0:
            return {}
        if texts[0] in ("*", "="):
            return self.schema(kind[1:], depth + 1)
        if texts[:3] in (["[", "]", "byte"], ["[", "]", "uint8"]):
            return {"type": "string", "contentEncoding": "base64"}
        if texts[0] in ("[", "..."):
            items = self.schema(kind[texts.index("]") + 1 if texts[0] == "[" and "]" in texts else 1 :], depth + 1)
            return {"type": "array"} | ({"items": items} if items else {})
        if texts[0] == "struct":
            return self._struct(kind, depth)
        if texts[0] in _NO_NAMES:
            return {"type": "object"} if texts[0] == "map" else {}
        name = "".join(texts)
        if name in self._declared:
            return self.schema(self._declared[name], depth + 1)
        if name in _TYPES:
            return dict(_TYPES[name])
        return resource(snake(texts[-1])) if texts[-1].isidentifier() else {}

    def _struct(self, kind: list[_Token], depth: int) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        for field in _parts(kind, 2, "\n;") or []:
            tag = re.search(r'\bjson:"([^",]*)', field[-1].text) if field[-1].kind == "text" else None
            bare = field[:-1] if field[-1].kind == "text" else field
            names = self._names(bare)
            of = self.schema(bare[2 * len(names) - 1 :], depth + 1)
            for name in names:
                if name[:1].isupper() and (tag is None or tag[1] != "-"):
                    properties[(tag[1] if tag else "") or name] = of
        return {"type": "object"} | ({"properties": properties} if properties else {})

    def _names(self, field: list[_Token]) -> list[str]:
        """The names before a field's type; none of an embedded one."""
        if len(field) < 2 or field[0].kind != "word" or field[1].text == ".":
            return []
        found = [field[0].text]
        while len(field) > 2 * len(found) and field[2 * len(found) - 1].text == ",":
            found.append(field[2 * len(found)].text)
        return found
