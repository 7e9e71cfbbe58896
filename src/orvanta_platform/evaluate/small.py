"""Small interpreter: evaluates expressions of `workflow.expressions` over raw JSON, with JavaScript's results.

Values are decoded one level at a time and only where the expression reads them. A bare path returns the bytes it found,
including all digits of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeAlias

import msgspec
import rfc8785

from orvanta_platform.evaluate.errors import ExpressionError, NeedsJavaScript
from orvanta_platform.evaluate.raw import decode_string, encode_string, items, members, strip
from orvanta_platform.workflow.expressions import (
    UNDEFINED,
    Compare,
    Expr,
    Literal,
    Logical,
    Not,
    Path,
    Scalar,
    Step,
    Undefined,
)

# Property names inherited by JavaScript objects; reading one returns a function, which only an engine can.
_OBJECT_NAMES: Final = (
    "constructor __defineGetter__ __defineSetter__ hasOwnProperty __lookupGetter__ __lookupSetter__ "
    "isPrototypeOf propertyIsEnumerable toString valueOf __proto__ toLocaleString "
)
_ARRAY_NAMES: Final = (
    "at concat copyWithin fill find findIndex findLast findLastIndex lastIndexOf pop push reverse shift "
    "unshift slice sort splice includes indexOf join keys entries values forEach filter flat flatMap map "
    "every some reduce reduceRight toReversed toSorted toSpliced with "
)
_STRING_NAMES: Final = (
    "anchor at big blink bold charAt charCodeAt codePointAt concat endsWith fontcolor fontsize fixed "
    "includes indexOf isWellFormed italics lastIndexOf link localeCompare match matchAll normalize padEnd "
    "padStart repeat replace replaceAll search slice small split strike sub substr substring sup startsWith "
    "toWellFormed trim trimStart trimLeft trimEnd trimRight toLocaleLowerCase toLocaleUpperCase toLowerCase "
    "toUpperCase "
)
_NUMBER_NAMES: Final = "toExponential toFixed toPrecision "
_INHERITED: Final = {
    "object": frozenset(_OBJECT_NAMES.split()),
    "boolean": frozenset(_OBJECT_NAMES.split()),
    "array": frozenset((_OBJECT_NAMES + _ARRAY_NAMES).split()),
    "string": frozenset((_OBJECT_NAMES + _STRING_NAMES).split()),
    "number": frozenset((_OBJECT_NAMES + _NUMBER_NAMES).split()),
}


def _inherits(kind: str, name: str) -> bool:
    """Return whether values of `kind` (object, array, string, number, boolean) inherit a property `name`."""
    return name in _INHERITED[kind]


Scope: TypeAlias = Mapping[str, bytes | Mapping[str, bytes]]
"""Root → its value as JSON text, or a mapping of its members (`results`, `context`) to theirs.

A member missing in such a mapping is undefined, in `results` null. A missing root is not defined.
"""


class ExpressionValue(msgspec.Struct, frozen=True):
    """Value of an expression."""

    raw: bytes
    """JSON text; undefined becomes null."""
    truthy: bool
    """Truthiness in JavaScript."""


class _Object(Enum):
    """Kind of values that are not scalars: objects and arrays."""

    OBJECT = "object"


_OBJECT: Final = _Object.OBJECT
_FREE_BYTES: Final = 8 << 20
_MAX_READS: Final = 4
"""Number of times that an expression may read its largest value, in an event loop. It may read _FREE_BYTES anyway."""

_Value: TypeAlias = Scalar | bytes
"""Scalar of the expression itself, or JSON text of the scope without surrounding white space."""


def evaluate(expr: Expr, scope: Scope) -> ExpressionValue:
    """Evaluate `expr`.

    Raises ExpressionError if JavaScript would throw, NeedsJavaScript if it would coerce, compare identities or read
    inherited properties.
    """
    value = _evaluate(expr, _Reading(scope))
    return ExpressionValue(_raw(value), _truthy(value))


class _Reading:
    """Scope of one evaluation, with the number of bytes that it has parsed: each member that is read parses all."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._parsed = 0
        self._largest = 0

    def add(self, size: int) -> None:
        """Count bytes before they are parsed. Raises NeedsJavaScript if an engine, which parses once, is faster."""
        self._parsed += size
        self._largest = max(self._largest, size)
        if self._parsed > max(_FREE_BYTES, _MAX_READS * self._largest):
            raise NeedsJavaScript("large values are read often")


def _evaluate(expr: Expr, scope: _Reading) -> _Value:
    match expr:
        case Literal(value):
            return value
        case Path():
            return _path(expr, scope)
        case Not(operand):
            return not _truthy(_evaluate(operand, scope))
        case Logical(operator, operands):
            return _logical(operator, operands, scope)
        case Compare(operator, left, right):
            first, second = _evaluate(left, scope), _evaluate(right, scope)
            scope.add(_size(first) + _size(second))
            return _compare(operator, _scalar(first), _scalar(second))


def _logical(operator: str, operands: tuple[Expr, ...], scope: _Reading) -> _Value:
    stop = operator == "||"
    value: _Value = UNDEFINED
    for operand in operands:
        value = _evaluate(operand, scope)
        if _truthy(value) is stop:
            break
    return value


def _compare(operator: str, left: Scalar | _Object, right: Scalar | _Object) -> bool:
    if operator in ("===", "!=="):
        return _identical(left, right) is (operator == "===")
    order = _order(left, right)
    match operator:
        case "<":
            return order < 0
        case ">":
            return order > 0
        case "<=":
            return order <= 0
        case _:
            return order >= 0


def _identical(left: Scalar | _Object, right: Scalar | _Object) -> bool:
    if left is _OBJECT and right is _OBJECT:
        raise NeedsJavaScript("two objects are compared by identity")
    return type(left) is type(right) and left == right


def _order(left: Scalar | _Object, right: Scalar | _Object) -> int:
    if isinstance(left, float) and isinstance(right, float):
        return (left > right) - (left < right)
    if isinstance(left, str) and isinstance(right, str):
        first, second = _utf16(left), _utf16(right)
        return (first > second) - (first < second)
    raise NeedsJavaScript("only two numbers or two strings are ordered")


def _utf16(text: str) -> bytes:
    """Encode as big-endian UTF-16, so that bytes compare in the order of code units."""
    return text.encode("utf-16-be", "surrogatepass")


def _size(value: _Value) -> int:
    return len(value) if isinstance(value, (bytes, str)) else 0


def _path(path: Path, reading: _Reading) -> _Value:
    scope = reading.scope
    if path.root not in scope:
        raise ExpressionError("ReferenceError", f"{path.root} is not defined")
    found = scope[path.root]
    steps = path.steps
    value: _Value
    if isinstance(found, (bytes, bytearray, memoryview)):
        value = strip(found)
    elif not steps:
        reading.add(sum(map(len, found.values())))
        value = b"{%s}" % b",".join(encode_string(name) + b":" + raw for name, raw in found.items())
    else:
        value, steps = _first_member(path.root, found, steps[0]), steps[1:]
    for step in steps:
        if value is UNDEFINED or value == b"null":
            if step.optional:
                return UNDEFINED
            kind_of_value = "undefined" if value is UNDEFINED else "null"
            raise ExpressionError("TypeError", f"Cannot read properties of {kind_of_value} (reading '{step.key}')")
        reading.add(_size(value))
        value = _member(value, step.key)
    return value


def _first_member(root: str, values: Mapping[str, bytes], step: Step) -> _Value:
    if step.key in values:
        return strip(values[step.key])
    if _inherits("object", step.key):
        raise NeedsJavaScript(f"{root}.{step.key}")
    return b"null" if root == "results" else UNDEFINED


def _member(value: _Value, key: str) -> _Value:
    if not isinstance(value, bytes):
        return _scalar_member(value, key)
    match value[:1]:
        case b"{":
            member = members(value).get(key)
            if member is not None and key != "__proto__":
                return strip(member)
            kind = "object"
        case b"[":
            found = items(value)
            if key == "length":
                return float(len(found))
            index = _array_index(key)
            if index is not None:
                return strip(found[index]) if index < len(found) else UNDEFINED
            kind = "array"
        case _:
            return _scalar_member(_decode_scalar(value), key)
    if _inherits(kind, key):
        raise NeedsJavaScript(key)
    return UNDEFINED


def _scalar_member(value: Scalar, key: str) -> _Value:
    """Return a member of a string, number or boolean; callers have handled null and undefined."""
    if isinstance(value, str):
        units = _utf16(value)
        if key == "length":
            return float(len(units) // 2)
        index = _array_index(key)
        if index is not None:
            unit = units[2 * index : 2 * index + 2]
            return unit.decode("utf-16-be", "surrogatepass") if unit else UNDEFINED
        kind = "string"
    else:
        kind = "boolean" if isinstance(value, bool) else "number"
    if _inherits(kind, key):
        raise NeedsJavaScript(key)
    return UNDEFINED


def _array_index(key: str) -> int | None:
    if not (key.isascii() and key.isdigit()) or (len(key) > 1 and key[0] == "0") or len(key) > 10:
        return None
    return int(key)


def _decode_scalar(raw: bytes) -> bool | float | str | None:
    """Decode a scalar; numbers as in JavaScript, so that a number that is too large is Infinity."""
    match raw[:1]:
        case b'"':
            return decode_string(raw)
        case b"t" | b"f":
            return raw == b"true"
        case b"n":
            return None
        case _:
            return float(raw)


def _scalar(value: _Value) -> Scalar | _Object:
    if not isinstance(value, bytes):
        return value
    return _OBJECT if value[:1] in (b"{", b"[") else _decode_scalar(value)


def _truthy(value: _Value) -> bool:
    if isinstance(value, bytes) and value.startswith(b'"'):
        return len(value) > 2
    scalar = _scalar(value)
    return scalar is _OBJECT or (not isinstance(scalar, Undefined) and bool(scalar))


def _raw(value: _Value) -> bytes:
    match value:
        case bytes():
            return value
        case None | Undefined.UNDEFINED:
            return b"null"
        case bool():
            return b"true" if value else b"false"
        case float():
            return rfc8785.dumps(value) if math.isfinite(value) else b"null"
        case str():
            return encode_string(value)
