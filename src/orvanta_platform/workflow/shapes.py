"""Shapes of the values that keys of the grammar may have. A shape checks a value and reports findings to a `Reader`.

Unknown keys are allowed, and their values are not checked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from orvanta_platform.workflow.diagnostics import pointer
from orvanta_platform.workflow.languages import is_language

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Reader(Protocol):
    """Receiver of the findings of a shape."""

    def fault(self, code: str, path: str, message: str) -> None:
        """Report a value that does not match."""

    def expression(self, path: str, text: str) -> None:
        """Report the text of an expression."""

    def agent_filled(self, path: str) -> None:
        """Report a Transform whose value an AI agent chooses."""


class Shape(Protocol):
    def check(self, value: Any, path: str, reader: Reader) -> None:
        """Check `value`, located at `path`, and report to `reader`."""


def _wrong_type(reader: Reader, path: str, expected: str) -> None:
    reader.fault("wrong_type", path, f"{path} must be {expected}")


class Anything(msgspec.Struct, frozen=True):
    def check(self, value: Any, path: str, reader: Reader) -> None:
        """Accept any value."""


class Text(msgspec.Struct, frozen=True):
    """Text of at most `longest` characters."""

    longest: int | None = None

    def check(self, value: Any, path: str, reader: Reader) -> None:
        if not isinstance(value, str):
            _wrong_type(reader, path, "a text")
        elif self.longest is not None and len(value) > self.longest:
            reader.fault("wrong_value", path, f"{path} must have at most {self.longest} characters")


class Language(msgspec.Struct, frozen=True):
    """Name of a language, with a runtime in this version or without one."""

    def check(self, value: Any, path: str, reader: Reader) -> None:
        if not isinstance(value, str):
            _wrong_type(reader, path, "a text")
        elif not is_language(value):
            reader.fault("wrong_value", path, f"{path} must be the name of a language, such as python3")


class Boolean(msgspec.Struct, frozen=True):
    def check(self, value: Any, path: str, reader: Reader) -> None:
        if not isinstance(value, bool):
            _wrong_type(reader, path, "true or false")


class Number(msgspec.Struct, frozen=True):
    """Number within inclusive bounds."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    """True if fractions are not allowed."""

    def check(self, value: Any, path: str, reader: Reader) -> None:
        kind = "a whole number" if self.whole else "a number"
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or (self.whole and value != math.floor(value)):
            _wrong_type(reader, path, kind)
        elif not self.low <= value <= self.high:
            reader.fault("out_of_bounds", path, f"{path} is {value}; it must be {self._bounds()}")

    def _bounds(self) -> str:
        if math.isinf(self.high):
            return f"{self.low} or more"
        return f"{self.low} to {self.high}"


class Choice(msgspec.Struct, frozen=True):
    values: tuple[str, ...]

    def check(self, value: Any, path: str, reader: Reader) -> None:
        if value not in self.values:
            reader.fault("wrong_value", path, f"{path} must be one of {', '.join(self.values)}")


class Timestamp(msgspec.Struct, frozen=True):
    """Point in time in RFC 3339 format with an offset."""

    def check(self, value: Any, path: str, reader: Reader) -> None:
        if not isinstance(value, str) or not _is_moment(value):
            reader.fault("wrong_value", path, f"{path} must be a time such as 2030-01-31T12:00:00Z")


def _is_moment(text: str) -> bool:
    if not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True


class Items(msgspec.Struct, frozen=True):
    """List of items."""

    item: Shape
    max_items: float = math.inf
    """Maximum length."""

    def check(self, value: Any, path: str, reader: Reader) -> None:
        if not isinstance(value, list):
            _wrong_type(reader, path, "a list")
            return
        if len(value) > self.max_items:
            reader.fault("out_of_bounds", path, f"{path} has {len(value)} items; at most {self.max_items} are allowed")
            return
        for place, each in enumerate(value):
            self.item.check(each, pointer(path, place), reader)


class Members(msgspec.Struct, frozen=True):
    """Object with arbitrary names."""

    member: Shape

    def check(self, value: Any, path: str, reader: Reader) -> None:
        if not isinstance(value, dict):
            _wrong_type(reader, path, "an object")
            return
        for name, each in value.items():
            self.member.check(each, pointer(path, name), reader)


class Record(msgspec.Struct, frozen=True):
    """Object with known keys."""

    known: Mapping[str, Shape]
    required: frozenset[str] = msgspec.field(default_factory=frozenset)
    """Keys that must be present."""

    def check(self, value: Any, path: str, reader: Reader) -> None:
        if not isinstance(value, dict):
            _wrong_type(reader, path, "an object")
            return
        for key in sorted(self.required - value.keys()):
            reader.fault("missing_key", path, f"{path} lacks the key {key}")
        for key, each in value.items():
            shape = self.known.get(key)
            if shape is not None:
                shape.check(each, pointer(path, key), reader)


class TextOr(msgspec.Struct, frozen=True):
    """A string is checked by `if_text`, any other value by `otherwise`."""

    if_text: Shape
    otherwise: Shape

    def check(self, value: Any, path: str, reader: Reader) -> None:
        (self.if_text if isinstance(value, str) else self.otherwise).check(value, path, reader)


class Expression(msgspec.Struct, frozen=True):
    def check(self, value: Any, path: str, reader: Reader) -> None:
        if isinstance(value, str):
            reader.expression(path, value)
        else:
            _wrong_type(reader, path, "the text of an expression")


class Transform(msgspec.Struct, frozen=True):
    """Input transform: {type: static, value?} | {type: javascript, expr} | {type: ai}."""

    static: Shape = msgspec.field(default_factory=Anything)
    """Shape of a static value."""

    def check(self, value: Any, path: str, reader: Reader) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        if kind == "static":
            self.static.check(value.get("value"), pointer(path, "value"), reader)
        elif kind == "javascript":
            if "expr" in value:
                Expression().check(value["expr"], pointer(path, "expr"), reader)
            else:
                reader.fault("missing_key", path, f"{path} lacks the key expr")
        elif kind == "ai":
            reader.agent_filled(path)
        else:
            _wrong_type(reader, path, "an input transform: {type: static, value} or {type: javascript, expr}")
