"""Subset of JavaScript that needs no JavaScript engine: literals, paths, ! && || and comparisons.

`parse_small` returns None for anything that it does not know or that is ambiguous; the JavaScript evaluator then
handles the text. It never raises.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec

from orvanta_platform.workflow.tokens import Kind, Token, tokenize

MAX_SOURCE: Final = 1 << 20
"""Maximum length of the source of one expression, in characters."""

MAX_DEPTH: Final = 32
"""Maximum nesting depth of parentheses and negations in the subset."""

MAX_SMALL: Final = 4096
"""Maximum length of an expression of the subset. Parsing takes about 10 µs per character, often in an event loop, so
longer expressions are left to the JavaScript evaluator.
"""


class Undefined(Enum):
    """JavaScript's undefined, which is distinct from null."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED

Scalar: TypeAlias = bool | float | str | Undefined | None
"""Null, boolean, number (always a double), string (with unpaired surrogates), undefined."""


class Literal(msgspec.Struct, frozen=True):
    value: Scalar


class Step(msgspec.Struct, frozen=True):
    """Member access to the property `key`; `optional` for ?. (undefined or null ends the path)."""

    key: str
    optional: bool


class Path(msgspec.Struct, frozen=True):
    """Name of the scope and the members read from it."""

    root: str
    steps: tuple[Step, ...]


class Not(msgspec.Struct, frozen=True):
    operand: Expr


class Logical(msgspec.Struct, frozen=True):
    """Operation && or || over two or more operands, left to right."""

    operator: str
    operands: tuple[Expr, ...]


class Compare(msgspec.Struct, frozen=True):
    """Comparison by one of === !== < > <= >=."""

    operator: str
    left: Expr
    right: Expr


Expr: TypeAlias = Literal | Path | Not | Logical | Compare

_CONSTANTS: Final[dict[str, Scalar]] = {"true": True, "false": False, "null": None, "undefined": UNDEFINED}

_KEYWORDS: Final = (
    "arguments async await break case catch class const continue debugger default delete do else enum eval "
    "export extends finally for function if implements import in instanceof interface let new of package "
    "private protected public return static super switch this throw try typeof var void while with yield "
)
_GLOBALS: Final = (
    "AggregateError Array ArrayBuffer Atomics BigInt BigInt64Array BigUint64Array Boolean DataView Date "
    "Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity "
    "Int16Array Int32Array Int8Array Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError "
    "ReferenceError Reflect RegExp Set SharedArrayBuffer String Symbol SyntaxError TypeError URIError "
    "Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet WebAssembly console "
    "atob btoa structuredClone DOMException TextDecoder TextEncoder URL URLSearchParams "
    "decodeURI decodeURIComponent encodeURI encodeURIComponent escape globalThis isFinite isNaN parseFloat "
    "parseInt unescape "
)
_SCOPE_FUNCTIONS: Final = ("resource", "variable")
_RESERVED: Final = frozenset((*_KEYWORDS.split(), *_GLOBALS.split(), *_SCOPE_FUNCTIONS))


class _NotSmall(Exception):
    """The text is not part of the subset."""


def parse_small(text: str) -> Expr | None:
    """Parse an expression of the subset; None if the JavaScript evaluator is needed.

    Text that consists of white space is undefined, like a function body without return.
    """
    return _cached(text) if len(text) <= MAX_SMALL else None


def _parse(text: str) -> Expr | None:
    tokens = tokenize(text)
    if tokens is None:
        return None
    if tokens[0].kind is Kind.END:
        return Literal(UNDEFINED)
    parser = _Parser(tokens)
    try:
        expr = parser.disjunction(0)
        parser.skip_semicolons()
    except _NotSmall:
        return None
    return expr if parser.peek().kind is Kind.END else None


_cached = lru_cache(maxsize=4096)(_parse)


def names(expr: Expr) -> dict[str, frozenset[str] | None]:
    """Return the names that an expression reads: for each root the first members, None for the whole root."""
    found: dict[str, frozenset[str] | None] = {}
    pending: list[Expr] = [expr]
    while pending:
        match pending.pop():
            case Path(root, steps):
                members = found.get(root, frozenset())
                found[root] = members | {steps[0].key} if steps and members is not None else None
            case Not(operand):
                pending.append(operand)
            case Logical(_, operands):
                pending += operands
            case Compare(_, left, right):
                pending += (left, right)
            case Literal():
                pass
    return found


class _Parser:
    """Recursive-descent parser over tokens; `level` bounds the recursion at MAX_DEPTH."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._position = 0

    def peek(self) -> Token:
        return self._tokens[self._position]

    def _next(self) -> Token:
        """Return the current token and advance past it, except past END."""
        token = self._tokens[self._position]
        if token.kind is not Kind.END:
            self._position += 1
        return token

    def _take(self, *operators: str) -> str | None:
        token = self.peek()
        if token.kind is Kind.OPERATOR and token.text in operators:
            self._position += 1
            return token.text
        return None

    def skip_semicolons(self) -> None:
        while self._take(";"):
            pass

    def _require(self, operator: str) -> None:
        if self._take(operator) is None:
            raise _NotSmall

    def disjunction(self, level: int) -> Expr:
        if level > MAX_DEPTH:
            raise _NotSmall
        operands = [self._conjunction(level)]
        while self._take("||"):
            operands.append(self._conjunction(level))
        return operands[0] if len(operands) == 1 else Logical("||", tuple(operands))

    def _conjunction(self, level: int) -> Expr:
        operands = [self._equality(level)]
        while self._take("&&"):
            operands.append(self._equality(level))
        return operands[0] if len(operands) == 1 else Logical("&&", tuple(operands))

    def _equality(self, level: int) -> Expr:
        expr = self._relation(level)
        operator = self._take("===", "!==")
        return Compare(operator, expr, self._relation(level)) if operator else expr

    def _relation(self, level: int) -> Expr:
        expr = self._unary(level)
        operator = self._take("<", ">", "<=", ">=")
        return Compare(operator, expr, self._unary(level)) if operator else expr

    def _unary(self, level: int) -> Expr:
        negations = 0
        while self._take("!"):
            negations += 1
        if level + negations > MAX_DEPTH:
            raise _NotSmall
        expr = self._primary(level + negations)
        for _ in range(negations):
            expr = Not(expr)
        return expr

    def _primary(self, level: int) -> Expr:
        token = self._next()
        match token.kind:
            case Kind.NUMBER | Kind.STRING:
                return self._literal(token.value)
            case Kind.NAME if token.text in _CONSTANTS:
                return self._literal(_CONSTANTS[token.text])
            case Kind.NAME if token.text not in _RESERVED:
                return Path(token.text, self._steps())
        if token.kind is not Kind.OPERATOR:
            raise _NotSmall
        if token.text == "-" and self.peek().kind is Kind.NUMBER:
            number = self._next().value
            assert isinstance(number, float)
            return self._literal(-number)
        if token.text != "(":
            raise _NotSmall
        expr = self.disjunction(level + 1)
        self._require(")")
        self._reject_member()
        return expr

    def _literal(self, value: Scalar) -> Literal:
        self._reject_member()
        return Literal(value)

    def _reject_member(self) -> None:
        token = self.peek()
        if token.kind is Kind.OPERATOR and token.text in (".", "?.", "["):
            raise _NotSmall

    def _steps(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        while operator := self._take(".", "?.", "["):
            if operator == "?." and self._take("["):
                steps.append(Step(self._index(), True))
            elif operator == "[":
                steps.append(Step(self._index(), False))
            elif self.peek().kind is Kind.NAME:
                steps.append(Step(self._next().text, operator == "?."))
            else:
                raise _NotSmall
        return tuple(steps)

    def _index(self) -> str:
        """Return the key of `[literal]`: a string, or an integer in JavaScript's notation."""
        value = self._next().value
        self._require("]")
        if isinstance(value, str):
            return value
        if isinstance(value, float) and value.is_integer() and value < 1e15:
            return str(int(value))
        raise _NotSmall
