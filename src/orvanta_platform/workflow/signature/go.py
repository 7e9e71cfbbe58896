"""Package, imports and `main` parameters of a Go script, which is never compiled here.

Imports only the standard library, since the host in the cell uses this module too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orvanta_platform.workflow.signature.parameter import Parameter, resource, snake

_MAX_CHARS: Final = 500_000
_MAX_DEPTH, _MAX_TYPES = 8, 2_000
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
_TYPE_WORDS: Final = frozenset({"map", "chan", "func", "struct", "interface"})
"""Words that start a type and cannot be names."""


@dataclass(frozen=True, slots=True)
class Import:
    """Import of a script: the path without quotes, and the line counted from 1."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def package(content: str) -> str | None:
    """Return the name of the script's package; None if it names none."""
    words = [each for each in _tokens(content[:_MAX_CHARS]) if each.text != "\n"][:2]
    return words[1].text if len(words) == 2 and words[0].text == "package" and words[1].kind == "word" else None


def imports(content: str) -> list[Import]:
    """Return the imports as written."""
    found: list[Import] = []
    tokens = _tokens(content[:_MAX_CHARS])
    depth = 0
    for token in tokens:
        depth += _nesting_change(token)
        if depth == 0 and token.text == "import":
            nesting = 0
            for each in tokens:
                nesting += _nesting_change(each)
                if each.kind == "text" and len(each.text) > 1:
                    found.append(Import(each.text[1:-1], each.line))
                if nesting == 0 and (each.kind == "text" or each.text in ")\n;"):
                    break
    return found


def parameters(content: str) -> list[Parameter] | None:
    """Return the inputs of `func main(name string, n int) (T, error)`; names may share a type.

    None if there is no `main`. Unnamed parameters cannot be passed and are omitted. A pointer or `...T` is optional.
    """
    tokens = list(_tokens(content[:_MAX_CHARS]))
    parts = _main_parts(tokens)
    if parts is None:
        return None
    types = _Types(tokens)
    return [
        Parameter(name, types.schema(kind), kind[0].text not in ("*", "..."))
        for name, kind in _named(parts)
        if name not in ("_", "")
    ]


def names(content: str) -> list[str] | None:
    """Return the names of the parameters of `main` in order, "" for unnamed ones; None if there is no `main`."""
    parts = _main_parts(list(_tokens(content[:_MAX_CHARS])))
    return None if parts is None else ["" if name == "_" else name for name, _ in _named(parts)]


def _tokens(content: str) -> Iterator[_Token]:
    """Yield words, texts and signs; white space with a line end becomes a single newline sign."""
    line = 1
    for match in _TOKEN.finditer(content):
        kind, text = match.lastgroup or "", match[0]
        if kind != "space":
            yield _Token(kind, text, line)
        elif "\n" in text:
            yield _Token("sign", "\n", line)
        line += text.count("\n")


def _nesting_change(token: _Token) -> int:
    if token.kind != "sign":
        return 0
    return (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))


def _main_parts(tokens: list[_Token]) -> list[list[_Token]] | None:
    """Return the parameters of the function `main`, each as its tokens."""
    depth, plain = 0, [each for each in tokens if each.text != "\n"]
    for index, token in enumerate(plain):
        if depth == 0 and [each.text for each in plain[index : index + 3]] == ["func", "main", "("]:
            return _parts(plain, index + 3, ",")
        depth += _nesting_change(token)
    return None


def _parts(tokens: list[_Token], start: int, separators: str) -> list[list[_Token]] | None:
    """Return the tokens from `start` to the closing bracket, split at the separators; None if it is not closed."""
    parts: list[list[_Token]] = [[]]
    depth = 0
    for token in tokens[start:]:
        depth += _nesting_change(token)
        if depth < 0:
            return [part for part in parts if part]
        if depth == 0 and token.kind == "sign" and token.text in separators:
            parts.append([])
        else:
            parts[-1].append(token)
    return None


def _named(parts: list[list[_Token]]) -> list[tuple[str, list[_Token]]]:
    """Return the name and type of each parameter; either all parameters have names or none."""
    if not any(map(_has_name, parts)):
        return [("", part) for part in parts]
    found: list[tuple[str, list[_Token]]] = []
    untyped_names: list[str] = []
    for part in parts:
        untyped_names.append(part[0].text)
        if len(part) > 1:
            found += [(name, part[1:]) for name in untyped_names]
            untyped_names = []
    return found


def _has_name(part: list[_Token]) -> bool:
    return len(part) > 1 and part[0].kind == "word" and part[0].text not in _TYPE_WORDS and part[1].text != "."


class _Types:
    """Types declared by a script, and schemas of types."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._remaining = _MAX_TYPES
        self._declared = dict(self._read())

    def _read(self) -> Iterator[tuple[str, list[_Token]]]:
        """Yield the types declared outside functions: `type A …`, `type ( A … )`."""
        tokens, index, depth, in_group = self._tokens, 0, 0, False
        while index + 2 < len(tokens):
            is_type = not in_group and depth == 0 and tokens[index].text == "type"
            if is_type and tokens[index + 1].text == "(":
                in_group = True
            elif is_type or (in_group and depth == 1 and tokens[index].kind == "word"):
                index += is_type
                end = self._end(index + 1)
                yield tokens[index].text, tokens[index + 1 : end]
                index = end
                continue
            depth += _nesting_change(tokens[index])
            in_group = in_group and (depth > 0 or is_type)
            index += 1

    def _end(self, start: int) -> int:
        """Return the end of the line in which the type at `start` ends."""
        depth = 0
        for index in range(start, len(self._tokens)):
            depth += _nesting_change(self._tokens[index])
            if depth < 0 or (depth == 0 and self._tokens[index].text in ("\n", ";")):
                return index
        return len(self._tokens)

    def schema(self, kind: list[_Token], depth: int = 0) -> dict[str, Any]:
        """Return the JSON Schema of the values of a type."""
        texts = [each.text for each in kind if each.text != "\n"]
        self._remaining -= 1
        if not texts or depth > _MAX_DEPTH or self._remaining < 0:
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
        if texts[0] in _TYPE_WORDS:
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
            schema_of_field = self.schema(bare[2 * len(names) - 1 :], depth + 1)
            for name in names:
                if name[:1].isupper() and (tag is None or tag[1] != "-"):
                    properties[(tag[1] if tag else "") or name] = schema_of_field
        return {"type": "object"} | ({"properties": properties} if properties else {})

    def _names(self, field: list[_Token]) -> list[str]:
        """Return the names before a field's type; none for an embedded field."""
        if len(field) < 2 or field[0].kind != "word" or field[1].text == ".":
            return []
        found = [field[0].text]
        while len(field) > 2 * len(found) and field[2 * len(found) - 1].text == ",":
            found.append(field[2 * len(found)].text)
        return found
