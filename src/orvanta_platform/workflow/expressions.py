"""The small part of JavaScript that needs no JavaScript engine: literals, paths, ! && || and comparisons.

`parse_small` reads it; what it does not know, or is in any doubt about, is None: the text is then left to
the JavaScript evaluator. It never raises, whatever the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final, TypeAlias

from orvanta_platform.workflow.tokens import Kind, Token, tokenize

MAX_SOURCE: Final = 1 << 20
"""Characters of source of one expression."""

MAX_DEPTH: Final = 32
"""Levels of parentheses and negations read here."""

_CACHED_SOURCE: Final = 4096
"""Longer texts are parsed anew each time, so that the cache stays small."""


class Undefined(Enum):
    """JavaScript's undefined, which is not null."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED

Scalar: TypeAlias = bool | float | str | Undefined | None
"""Null, boolean, number (always a double), string (lone surrogates kept), undefined."""


@dataclass(frozen=True, slots=True)
class Literal:
    value: Scalar


@dataclass(frozen=True, slots=True)
class Step:
    """One member access: the property `key`; `optional` for ?. (undefined or null ends the path)."""

    key: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Path:
    """A name of the scope and the members read from it."""

    root: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expr


@dataclass(frozen=True, slots=True)
class Logical:
    """`operator` && or ||, over two operands or more, left to right."""

    operator: str
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """`operator` one of === !== < > <= >=."""

    operator: str
    left: Expr
    right: Expr


Expr: TypeAlias = Literal | Path | Not | Logical | Compare

_WORDS: Final[dict[str, Scalar]] = {"true": True, "false": False, "null": None, "undefined": UNDEFINED}

_WORDS_OF_SYNTAX: Final = (
    "arguments async await break case catch class const continue debugger default delete do else enum eval "
    "export extends finally for function if implements import in instanceof interface let new of package "
    "private protected public return static super switch this throw try typeof var void while with yield "
)
_NAMES_OF_ENGINES: Final = (
    "AggregateError Array ArrayBuffer Atomics BigInt BigInt64Array BigUint64Array Boolean DataView Date "
    "Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity "
    "Int16Array Int32Array Int8Array Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError "
    "ReferenceError Reflect RegExp Set SharedArrayBuffer String Symbol SyntaxError TypeError URIError "
    "Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet WebAssembly console "
    "decodeURI decodeURIComponent encodeURI encodeURIComponent escape globalThis isFinite isNaN parseFloat "
    "parseInt unescape "
)
_FUNCTIONS_OF_SCOPE: Final = ("resource", "variable")
_NOT_NAMES: Final = frozenset((*_WORDS_OF_SYNTAX.split(), *_NAMES_OF_ENGINES.split(), *_FUNCTIONS_OF_SCOPE))


class _NotSmall(Exception):
    """The text is not of the small language."""


def parse_small(text: str) -> Expr | None:
    """The expression, or None where the JavaScript evaluator is needed.

    Text of white space alone gives undefined: a function body that returns nothing.
    """
    if len(text) > MAX_SOURCE:
        return None
    return _cached(text) if len(text) <= _CACHED_SOURCE else _parse(text)


def _parse(text: str) -> Expr | None:
    tokens = tokenize(text)
    if tokens is None:
        return None
    if tokens[0].kind is Kind.END:
        return Literal(UNDEFINED)
    parser = _Parser(tokens)
    try:
        expr = parser.disjunction(0)
    except _NotSmall:
        return None
    return expr if parser.peek().kind is Kind.END else None


_cached = lru_cache(maxsize=4096)(_parse)


def names(expr: Expr) -> dict[str, frozenset[str] | None]:
    """What an expression reads: of each root the first members, or None where it reads the root whole."""
    found: dict[str, frozenset[str] | None] = {}
    pending: list[Expr] = [expr]
    while pending:
        match pending.pop():
            case Path(root, steps):
                before = found.get(root, frozenset())
                found[root] = before | {steps[0].key} if steps and before is not None else None
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
    """Recursive descent over tokens; `level` bounds the recursion at MAX_DEPTH."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._place = 0

    def peek(self) -> Token:
        return self._tokens[self._place]

    def _next(self) -> Token:
        """The token at hand, stepping over it; the END stays."""
        token = self._tokens[self._place]
        if token.kind is not Kind.END:
            self._place += 1
        return token

    def _take(self, *operators: str) -> str | None:
        token = self.peek()
        if token.kind is Kind.OPERATOR and token.text in operators:
            self._place += 1
            return token.text
        return None

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
            case Kind.NAME if token.text in _WORDS:
                return self._literal(_WORDS[token.text])
            case Kind.NAME if token.text not in _NOT_NAMES:
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
        self._no_member()
        return expr

    def _literal(self, value: Scalar) -> Literal:
        self._no_member()
        return Literal(value)

    def _no_member(self) -> None:
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
        """The key of `[literal]`: a string, or a whole number written as JavaScript would write it."""
        value = self._next().value
        self._require("]")
        if isinstance(value, str):
            return value
        if isinstance(value, float) and value.is_integer() and value < 1e15:
            return str(int(value))
        raise _NotSmall
