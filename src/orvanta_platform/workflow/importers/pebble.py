"""Expressions of Kestra (Pebble templates) in JavaScript with the names of the platform."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from orvanta_platform.workflow.importers.findings import Unconvertible
from orvanta_platform.workflow.importers.node_values import literal
from orvanta_platform.workflow.importers.pebble_filters import FILTERS, FUNCTIONS

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)"""
    r"""|(?P<mark>\?\?|==|!=|<=|>=|\.\.|[-+*/%~<>?:|.,()\[\]{}=]))""",
    re.DOTALL,
)
_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][\w$]*")
_MAX_DEPTH: Final = 40
STEP: Final = "\ue002"
"""Mark in front of each access to a member: it becomes `?.` where a missing value is allowed."""
_BINARY: Final[tuple[Mapping[str, str], ...]] = (
    {"or": "||"},
    {"and": "&&"},
    {"==": "===", "!=": "!==", "equals": "===", "<": "<", ">": ">", "<=": "<=", ">=": ">="},
    {"+": "+", "-": "-"},
    {"*": "*", "/": "/", "%": "%"},
)
_TESTS: Final = {
    "defined": "({0} != null)",
    "null": "({0} == null)",
    "empty": "(v => v == null || Object.keys(Object(v)).length === 0)({0})",
    "even": "({0} % 2 === 0)",
    "odd": "({0} % 2 !== 0)",
    "iterable": "Array.isArray({0})",
    "map": "(v => v !== null && typeof v === 'object' && !Array.isArray(v))({0})",
}


class Code(msgspec.Struct, frozen=True):
    """JavaScript of an expression."""

    text: str
    scalar: bool = False
    """True if its value is known to be a text, a number or a boolean."""
    boolean: bool = False
    """True if its value is known to be a boolean."""


Resolve = Callable[[str, list["str | Code"]], tuple[str, int, bool]]
"""Function of the name of a variable and its members, the computed ones as code. Returns the JavaScript for it with the
number of members that it includes, and whether the value is a scalar. Raises Unconvertible."""


@dataclass(slots=True)
class Parser:
    """Parser of one expression."""

    source: str
    resolve: Resolve
    call: Callable[[str, list[Code]], Code | None]
    """Function of the platform for a call; None if it has no special meaning."""
    tokens: list[tuple[str, str]] = field(default_factory=list)
    position: int = 0
    depth: int = 0

    def parse(self) -> Code:
        """Return the whole expression. Raises Unconvertible."""
        position = 0
        text = self.source.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None or found.lastgroup is None:
                raise Unconvertible(f"{text[position : position + 20].strip()!r} cannot be read")
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            position = found.end()
        code = self._ternary()
        if self.position < len(self.tokens):
            raise Unconvertible(f"{self.tokens[self.position][1]!r} is not expected")
        return Code(code.text.replace(STEP, ""), code.scalar, code.boolean)

    def _peek(self, offset: int = 0) -> str:
        position = self.position + offset
        if position >= len(self.tokens) or self.tokens[position][0] == "string":
            return ""
        return self.tokens[position][1]

    def _take(self, text: str) -> bool:
        if self._peek() == text:
            self.position += 1
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise Unconvertible(f"{text!r} is missing")

    def _enter(self) -> None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise Unconvertible("it is nested too deeply")

    def _ternary(self) -> Code:
        self._enter()
        found = self._operation(0)
        while self._take("??"):
            found = Code(f"({optional(found.text)} ?? {optional(self._operation(0).text)})", found.scalar)
        if self._take("?"):
            yes = self._ternary()
            self._need(":")
            no = self._ternary()
            found = Code(f"({condition(found)} ? {yes.text} : {no.text})", yes.scalar and no.scalar)
        self.depth -= 1
        return found

    def _operation(self, level: int) -> Code:
        if level == len(_BINARY):
            return self._unary()
        left = self._operation(level + 1)
        while True:
            if level == 2 and self._peek() in ("is", "contains", "in", "matches", "not"):
                left = self._test(left)
                continue
            if level == 3 and self._take("~"):
                left = Code(f"`${{{left.text}}}${{{self._operation(level + 1).text}}}`", scalar=True)
                continue
            operator = _BINARY[level].get(self._peek())
            if operator is None:
                return left
            self.position += 1
            right = self._operation(level + 1)
            if level < 2:
                left = Code(f"({condition(left)} {operator} {condition(right)})", True, True)
            else:
                left = Code(f"({left.text} {operator} {right.text})", True, level == 2)

    def _test(self, left: Code) -> Code:
        negated = self._take("not")
        if self._take("is"):
            negated = self._take("not") or negated
            name = self._peek()
            self.position += 1
            if name not in _TESTS:
                raise Unconvertible(f"the test {name!r} has no equivalent")
            text = _TESTS[name].format(optional(left.text))
        elif self._take("contains"):
            text = f"({left.text}).includes({self._operation(3).text})"
        elif self._take("in"):
            text = f"({self._operation(3).text}).includes({left.text})"
        elif self._take("matches"):
            text = f"new RegExp(`^(?:${{{self._operation(3).text}}})$`).test({left.text})"
        else:
            raise Unconvertible("'not' is not expected")
        return Code(f"!{text}" if negated else text, True, True)

    def _unary(self) -> Code:
        sign = next((each for each in ("not", "-") if self._take(each)), None)
        if sign is not None:
            self._enter()
            inner = self._unary()
            self.depth -= 1
            return Code(f"!{condition(inner)}", True, True) if sign == "not" else Code(f"-{inner.text}", True)
        found = self._primary()
        while self._take("|"):
            name = self._peek()
            self.position += 1
            arguments = self._filter_arguments(name) if self._take("(") else []
            value = Code(optional(found.text), found.scalar) if name == "default" else found
            found = self._filter(name, value, arguments)
        return found

    def _filter(self, name: str, value: Code, arguments: list[Code]) -> Code:
        write = FILTERS.get(name)
        if write is None:
            raise Unconvertible(f"the filter {name!r} has no equivalent")
        text, scalar = write(value.text, [each.text for each in arguments])
        return Code(text, scalar if scalar is not None else value.scalar)

    def _filter_arguments(self, name: str) -> list[Code]:
        """Return the arguments of a filter: those of `date` are its format and its time zone."""
        found, named = self._arguments()
        if name == "date":
            if len(found) > 1:
                raise Unconvertible("the format that a date is read with has no equivalent")
            found += [named.pop(each) for each in ("format", "timeZone") if each in named]
        _check_named(named)
        return found

    def _arguments(self) -> tuple[list[Code], dict[str, Code]]:
        """Return the arguments of a call by position, and those with a name."""
        found: list[Code] = []
        named: dict[str, Code] = {}
        while not self._take(")"):
            if self._peek(1) in ("=", ":") and _IDENTIFIER.fullmatch(self._peek()):
                name = self._peek()
                self.position += 2
                named[name] = self._ternary()
            else:
                found.append(self._ternary())
            if not self._take(","):
                self._need(")")
                break
        return found, named

    def _primary(self) -> Code:
        if self.position >= len(self.tokens):
            raise Unconvertible("it ends too early")
        kind, text = self.tokens[self.position]
        self.position += 1
        if kind == "string":
            return self._members(Code(literal(re.sub(r"\\(.)", r"\1", text[1:-1])), scalar=True))
        if kind == "number":
            return Code(text, scalar=True)
        if text == "(":
            found = self._ternary()
            self._need(")")
            return self._members(Code(f"({found.text})", found.scalar, found.boolean))
        if text == "[":
            return self._list()
        if text == "{":
            return self._map()
        if kind != "name":
            raise Unconvertible(f"{text!r} is not expected")
        if text in ("true", "false", "null", "none"):
            return Code("null" if text == "none" else text, True, text in ("true", "false"))
        if self._take("("):
            arguments, named = self._arguments()
            if "key" in named and not arguments:  # of a secret or a value
                arguments.append(named.pop("key"))
            _check_named(named)
            return self._members(self._call(text, arguments))
        return self._variable(text)

    def _call(self, name: str, arguments: list[Code]) -> Code:
        special = self.call(name, arguments)
        if special is not None:
            return special
        write = FUNCTIONS.get(name)
        if write is None:
            raise Unconvertible(f"the function {name}() has no equivalent")
        text, scalar = write([each.text for each in arguments])
        return Code(text, bool(scalar))

    def _accessors(self) -> list[str | Code]:
        found: list[str | Code] = []
        while True:
            if self._take("."):
                found.append(self._peek())
                self.position += 1
            elif self._take("["):
                is_text = self.position < len(self.tokens) and self.tokens[self.position][0] == "string"
                inner = self._ternary()
                found.append(inner.text[1:-1] if is_text and inner.text.startswith('"') else inner)
                self._need("]")
            else:
                return found

    def _variable(self, name: str) -> Code:
        members = self._accessors()
        text, used, scalar = self.resolve(name, members)
        rest = members[used:]
        return Code(self._joined(text, rest), scalar and not rest)

    def _members(self, base: Code) -> Code:
        rest = self._accessors()
        return Code(self._joined(base.text, rest), base.scalar and not rest, base.boolean and not rest)

    def _joined(self, base: str, members: list[str | Code]) -> str:
        return base + "".join(map(member, members))

    def _list(self) -> Code:
        found = []
        while not self._take("]"):
            found.append(self._ternary().text)
            if not self._take(","):
                self._need("]")
                break
        return self._members(Code(f"[{', '.join(found)}]"))

    def _map(self) -> Code:
        found = []
        while not self._take("}"):
            key = self._ternary()
            self._need(":")
            found.append(f"[{key.text}]: {self._ternary().text}")
            if not self._take(","):
                self._need("}")
                break
        return self._members(Code(f"({{{', '.join(found)}}})"))


def _check_named(arguments: Mapping[str, Code]) -> None:
    """Raise Unconvertible if there are arguments with a name."""
    for name in arguments:
        raise Unconvertible(f"the argument {name!r} has no equivalent")


def optional(text: str) -> str:
    """Return JavaScript in which accesses to members of a missing value have no value."""
    return text.replace(f"{STEP}.", "?.").replace(f"{STEP}[", "?.[")


def member(name: str | Code) -> str:
    """Return the access to a member of an object."""
    if isinstance(name, Code):
        return f"{STEP}[{name.text}]"
    if _IDENTIFIER.fullmatch(name):
        return f"{STEP}.{name}"
    return f"{STEP}[{name if name.isdigit() else literal(name)}]"


def condition(code: Code) -> str:
    """Return an expression that is true where Kestra takes the value for true."""
    if code.boolean:
        return code.text
    return f"!['', '0', '-0', 'false', 'null'].includes(String({code.text} ?? '').trim())"
