"""Parameters of a PowerShell script: the `param` block at its start. The script is read in one pass and never run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from orvanta_platform.workflow.signature.parameter import Parameter

_CLOSING: Final = {"(": ")", "@(": ")", "$(": ")", "[": "]", "{": "}", "@{": "}"}
_MAX_DEPTH: Final = 64
"""Maximum nesting of brackets."""
_MAX_NODES: Final = 50_000
"""Maximum number of words, texts and brackets up to the end of the block, which bounds the time to read it."""

_SINGLE, _DOUBLE = "'‘’‚‛", '"“”„'
"""Quotation marks that PowerShell treats alike."""
_QUOTES: Final = frozenset(_SINGLE + _DOUBLE)

_SPACE: Final = re.compile(r"(?:[^\S\n]|`\r?\n)+")
_WORD: Final = re.compile(rf"(?:[^\s(){{}}\[\],;=`{_SINGLE}{_DOUBLE}]|`.)+", re.DOTALL)
_VARIABLE: Final = re.compile(r"\$(?:\{(?P<braced>(?:[^{}`]|`.)+)\}|(?P<plain>[\w:?]+))", re.DOTALL)
_QUOTED: Final = re.compile(rf"[{_SINGLE}]((?:[^{_SINGLE}]|[{_SINGLE}]{{2}})*+)[{_SINGLE}]")
_PLAIN: Final = re.compile(rf"(?:[^`${_DOUBLE}]|`.|[{_DOUBLE}]{{2}}|\$(?!\())*+", re.DOTALL)
_ESCAPED: Final = re.compile(rf"`(.)|[{_DOUBLE}]([{_DOUBLE}])", re.DOTALL)
_EXPANSION: Final = re.compile(r"(?<!`)(?:``)*\$[\w:?{]|`u\{")
_LITERAL_HERE: Final = re.compile(rf"@[{_SINGLE}][^\S\n]*\n(.*?)\n?(?<=\n)[{_SINGLE}]@", re.DOTALL)
_EXPANDED_HERE: Final = re.compile(rf"@[{_DOUBLE}][^\S\n]*\n(.*?)\n?(?<=\n)[{_DOUBLE}]@", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}
_NUMBER: Final = re.compile(r"-?(?:0x[0-9a-f]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)", re.IGNORECASE)
_CONSTANTS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}
_INTEGERS: Final = ("int", "int16", "int32", "int64", "long", "short", "byte", "sbyte", "bigint", "biginteger")
_TYPES: Final[dict[str, dict[str, Any]]] = {
    **{key: {"type": "string"} for key in ("string", "char", "guid", "uri", "version")},
    **{key: {"type": "integer"} for key in (*_INTEGERS, "uint", "uint16", "uint32", "uint64", "ulong", "ushort")},
    **{key: {"type": "number"} for key in ("double", "float", "single", "decimal")},
    **{key: {"type": "boolean"} for key in ("bool", "boolean")},
    **{key: {"type": "array"} for key in ("array", "arraylist")},
    **{key: {"type": "object"} for key in ("hashtable", "psobject", "pscustomobject", "ordered", "dictionary")},
    **{key: {"type": "string", "format": "date-time"} for key in ("datetime", "datetimeoffset")},
}
_LISTS: Final = ("list", "ilist", "ienumerable")
_KINDS: Final[dict[type, str]] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


@dataclass(frozen=True, slots=True)
class _Node:
    """Token or bracketed group."""

    kind: Literal["word", "variable", "text", "expanded", "group", "newline"]
    text: str
    """Word, name of the variable, value of the text, or opening bracket of the group."""
    inner: tuple[_Node, ...] = ()

    def is_group(self, opening: str) -> bool:
        """Return whether this is a group with the bracket `opening`."""
        return self.kind == "group" and self.text == opening

    def is_sign(self, *signs: str) -> bool:
        """Return whether this is one of the separators or signs, and not a text."""
        return self.kind in ("word", "newline") and self.text in signs


class _Unreadable(Exception):
    """The script ends within a group or text, is nested too deeply, or its block is too large."""


class _Unknown:
    """Marker for an expression that is not a literal."""


def parameters(content: str) -> list[Parameter] | None:
    """Return the parameters of the `param` block, none without a block; None if it cannot be read."""
    try:
        block = _Scanner(content.removeprefix("\ufeff").replace("\r\n", "\n")).param_block()
    except _Unreadable:
        return None
    return [found for part in _split(block, ",") for found in _parameter(_without_newlines(part))]


class _Scanner:
    """Reads nodes from a text, each character at most once."""

    def __init__(self, content: str) -> None:
        self._content = content
        self._at = 0
        self._nodes = 0

    def param_block(self) -> tuple[_Node, ...]:
        """Return the nodes of the `param` block; only `using` statements and attributes may precede it."""
        while (node := self._next(0)) is not None:
            if node.kind == "word" and node.text.lower() == "using":
                while (node := self._next(0)) is not None and not node.is_sign("\n", ";"):
                    pass
            elif node.kind == "word" and node.text.lower() == "param":
                node = self._next(0)
                while node is not None and node.kind == "newline":
                    node = self._next(0)
                return node.inner if node is not None and node.is_group("(") else ()
            elif not (node.is_sign("\n", ";") or node.is_group("[")):
                return ()
        return ()

    def _next(self, depth: int) -> _Node | None:
        """Return the next node, without comments and spaces; None at the end of the text."""
        content = self._content
        while self._at < len(content):
            if content.startswith("<#", self._at):
                self._at = self._after("#>")
            elif content[self._at] == "#":
                end = content.find("\n", self._at)
                self._at = len(content) if end < 0 else end
            elif (space := _SPACE.match(content, self._at)) is not None:
                self._at = space.end()
            else:
                return self._node(depth)
        return None

    def _node(self, depth: int) -> _Node:
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            raise _Unreadable
        content, start = self._content, self._at
        letter = content[start]
        opening = content[start : start + 2] if content[start : start + 2] in _CLOSING else letter
        if opening in _CLOSING:
            self._at += len(opening)
            return self._group(opening, depth)
        if letter == "@" and content[start + 1 : start + 2] in _QUOTES:
            return self._here_text(content[start + 1])
        if letter in _SINGLE:
            quoted = self._matched(_QUOTED)
            return _Node("text", re.sub(rf"([{_SINGLE}])[{_SINGLE}]", r"\1", quoted[1]))
        if letter in _DOUBLE:
            self._at += 1
            return self._expanded_text(depth)
        if (variable := _VARIABLE.match(content, start)) is not None:
            self._at = variable.end()
            return _Node("variable", variable["braced"] or variable["plain"])
        word = _WORD.match(content, start)
        self._at = start + 1 if word is None else word.end()
        return _Node("newline" if letter == "\n" else "word", content[start : self._at])

    def _group(self, opening: str, depth: int) -> _Node:
        if depth == _MAX_DEPTH:
            raise _Unreadable
        inner: list[_Node] = []
        while (node := self._next(depth + 1)) is not None:
            if node.is_sign(_CLOSING[opening]):
                return _Node("group", opening, tuple(inner))
            if node.is_sign(")", "]", "}"):
                break
            inner.append(node)
        raise _Unreadable

    def _expanded_text(self, depth: int) -> _Node:
        """Return a text in double quotes, whose value is unknown if it contains variables."""
        parts = [self._matched(_PLAIN)[0]]
        while self._content.startswith("$(", self._at):
            self._at += 2
            self._group("$(", depth)
            parts.append(self._matched(_PLAIN)[0])
        if self._content[self._at : self._at + 1] not in _QUOTES:
            raise _Unreadable
        self._at += 1
        if len(parts) > 1 or _EXPANSION.search(parts[0]):
            return _Node("expanded", "")
        return _Node("text", _ESCAPED.sub(lambda found: found[2] or _ESCAPES.get(found[1], found[1]), parts[0]))

    def _here_text(self, quote: str) -> _Node:
        found = self._matched(_LITERAL_HERE if quote in _SINGLE else _EXPANDED_HERE)
        is_literal = quote in _SINGLE or not re.search(r"[`$]", found[1])
        return _Node("text", found[1]) if is_literal else _Node("expanded", "")

    def _matched(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self._content, self._at)
        if found is None:
            raise _Unreadable
        self._at = found.end()
        return found

    def _after(self, text: str) -> int:
        end = self._content.find(text, self._at)
        if end < 0:
            raise _Unreadable
        return end + len(text)


def _split(nodes: tuple[_Node, ...], *separators: str) -> Iterator[tuple[_Node, ...]]:
    """Yield the parts between separators, without empty ones."""
    part: list[_Node] = []
    for node in (*nodes, _Node("word", separators[0])):
        if not node.is_sign(*separators):
            part.append(node)
        elif part:
            yield tuple(part)
            part = []


def _without_newlines(nodes: tuple[_Node, ...]) -> tuple[_Node, ...]:
    return tuple(node for node in nodes if node.kind != "newline")


def _parameter(nodes: tuple[_Node, ...]) -> Iterator[Parameter]:
    at = next((at for at, node in enumerate(nodes) if not node.is_group("[")), len(nodes))
    brackets, rest = [_without_newlines(node.inner) for node in nodes[:at]], nodes[at:]
    if not rest or rest[0].kind != "variable":
        return
    attributes = {_name(inner): inner[1].inner for inner in brackets if _is_attribute(inner)}
    types = [inner for inner in brackets if not _is_attribute(inner)]
    schema, is_optional = _schema(types[-1]) if types else ({}, False)
    if "validateset" in attributes:
        schema = _limited(schema, _members(attributes["validateset"]))
    found = Parameter(rest[0].text, schema, len(rest) == 1 and not is_optional)
    if len(rest) > 1 and rest[1].is_sign("="):
        found = _with_default(found, _literal(rest[2:]))
    mandatory = _argument(attributes.get("parameter", ()), "mandatory")
    yield found if mandatory is None else replace(found, required=mandatory)


def _is_attribute(inner: tuple[_Node, ...]) -> bool:
    return len(inner) == 2 and inner[1].is_group("(")


def _name(inner: tuple[_Node, ...]) -> str:
    """Return the name of a type or attribute without its namespace, in lower case."""
    return inner[0].text.lower().rpartition(".")[2].removesuffix("attribute") if inner else ""


def _schema(inner: tuple[_Node, ...]) -> tuple[dict[str, Any], bool]:
    """Return the schema of a type and whether an argument may be missing."""
    name, arguments = _name(inner), inner[1].inner if len(inner) > 1 else ()
    if name in ("switch", "switchparameter"):
        return {"type": "boolean", "default": False}, True
    is_array = len(inner) > 1 and inner[-1].is_group("[") and not inner[-1].inner
    if is_array or name in _LISTS:
        element, _ = _schema(inner[:-1] if is_array else arguments)
        return {"type": "array"} | ({"items": element} if element else {}), False
    if name == "nullable":
        return _schema(arguments)[0], True
    return dict(_TYPES.get(name, {})), False


def _limited(schema: dict[str, Any], members: list[Any]) -> dict[str, Any]:
    if not members:
        return schema
    if schema.get("type") == "array":
        return schema | {"items": schema.get("items", {"type": "string"}) | {"enum": members}}
    return (schema or {"type": "string"}) | {"enum": members}


def _members(inner: tuple[_Node, ...]) -> list[Any]:
    """Return the literals of `[ValidateSet('a', 'b', IgnoreCase = $false)]`, without its named arguments."""
    values = [_literal(_without_newlines(part)) for part in _split(inner, ",")]
    return [value for value in values if isinstance(value, str | int | float)]


def _argument(inner: tuple[_Node, ...], name: str) -> bool | None:
    """Return the value of a named argument of an attribute, which is true without a value; None if it is absent."""
    for part in _split(inner, ",", "\n"):
        if part[0].text.lower() == name:
            return len(part) < 3 or _literal(part[2:]) is not False
    return None


def _with_default(found: Parameter, default: Any) -> Parameter:
    """Return the parameter with its default, unless that has to be computed or is not of the type."""
    if default is _Unknown:
        return found
    kind, wanted = _KINDS.get(type(default)), found.schema.get("type")
    if wanted not in (None, kind) and (wanted, kind) != ("number", "integer"):
        return found
    schema = found.schema or ({} if kind is None else {"type": kind})
    return replace(found, schema=schema | {"default": default})


def _literal(nodes: tuple[_Node, ...]) -> Any:
    """Return the JSON value of a literal; _Unknown if it would have to be run."""
    if len(nodes) != 1:
        return _Unknown
    node = nodes[0]
    match node.kind, node.text:
        case "text", value:
            return value
        case "variable", name:
            return _CONSTANTS.get(name.lower(), _Unknown)
        case "word", word:
            return _number(word)
        case "group", "(":
            return _literal(_without_newlines(node.inner))
        case "group", "@(":
            members = [_literal(part) for part in _split(node.inner, ",", "\n", ";")]
            return _Unknown if _Unknown in members else members
        case "group", "@{":
            pairs = [_pair(part) for part in _split(node.inner, "\n", ";")]
            return _Unknown if None in pairs else dict(pair for pair in pairs if pair is not None)
    return _Unknown


def _pair(nodes: tuple[_Node, ...]) -> tuple[str, Any] | None:
    if len(nodes) != 3 or nodes[0].kind not in ("word", "text") or nodes[1].text != "=":
        return None
    value = _literal(nodes[2:])
    return None if value is _Unknown else (nodes[0].text, value)


def _number(word: str) -> Any:
    if _NUMBER.fullmatch(word) is None:
        return _Unknown
    digits = word.lower().removeprefix("-")
    if digits.startswith("0x"):
        return int(word, 16)
    return int(word) if digits.isdecimal() and len(digits) < 20 else _finite(float(word))


def _finite(value: float) -> Any:
    return value if abs(value) != float("inf") else _Unknown
