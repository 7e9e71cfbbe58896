"""Shapes: what each key of the grammar may hold. A shape checks a value and tells a `Reader` what it finds.

Unknown keys are no fault, and what an unknown key holds is not looked at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from orvanta_platform.workflow.diagnostics import pointer

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Reader(Protocol):
    """Who is told what a shape finds."""

    def fault(self, code: str, path: str, message: str) -> None:
        """A value that does not fit."""

    def expression(self, path: str, text: str) -> None:
        """The text of an expression."""

    def agent_filled(self, path: str) -> None:
        """A Transform whose value an AI agent chooses."""


class Shape(Protocol):
    def check(self, value: Any, path: str, reader: Reader) -> None:
        """Tell `reader` what `value`, which stands at `path`, is."""


def _wrong(reader: Reader, path: str, expected: str) -> None:
    reader.fault("wrong_type", path, f"{path} must be {expected}")


@dataclass(frozen=True, slots=True)
class Anything:
    def check(self, value: Any, path: str, reader: Reader) -> None:
        """Everything fits."""


@dataclass(frozen=True, slots=True)
class Text:
    def check(self, value: Any, path: str, reader: Reader) -> None:
        if not isinstance(value, str):
            _wrong(reader, path, "a text")


@dataclass(frozen=True, slots=True)
class Flag:
    def check(self, value: Any, path: str, reader: Reader) -> None:
        if not isinstance(value, bool):
            _wrong(reader, path, "true or false")


@dataclass(frozen=True, slots=True)
class Number:
    """`low` and `high` are bounds, both allowed; `whole` forbids fractions."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False

    def check(self, value: Any, path: str, reader: Reader) -> None:
        kind = "a whole number" if self.whole else "a number"
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or (self.whole and value != math.floor(value)):
            _wrong(reader, path, kind)
        elif not self.low <= value <= self.high:
            reader.fault("out_of_bounds", path, f"{path} is {value}, it must be {self._bounds()}")

    def _bounds(self) -> str:
        if math.isinf(self.high):
            return f"{self.low} or more"
        return f"{self.low} to {self.high}"


@dataclass(frozen=True, slots=True)
class Choice:
    values: tuple[str, ...]

    def check(self, value: Any, path: str, reader: Reader) -> None:
        if value not in self.values:
            reader.fault("wrong_value", path, f"{path} must be one of {', '.join(self.values)}")


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time as RFC 3339 writes it, with its offset."""

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


@dataclass(frozen=True, slots=True)
class Items:
    """A list; `most` limits its length."""

    item: Shape
    most: float = math.inf

    def check(self, value: Any, path: str, reader: Reader) -> None:
        if not isinstance(value, list):
            _wrong(reader, path, "a list")
            return
        if len(value) > self.most:
            reader.fault("out_of_bounds", path, f"{path} has {len(value)} items, it may have {self.most}")
            return
        for place, each in enumerate(value):
            self.item.check(each, pointer(path, place), reader)


@dataclass(frozen=True, slots=True)
class Members:
    """An object whose names are free."""

    member: Shape

    def check(self, value: Any, path: str, reader: Reader) -> None:
        if not isinstance(value, dict):
            _wrong(reader, path, "an object")
            return
        for name, each in value.items():
            self.member.check(each, pointer(path, name), reader)


@dataclass(frozen=True, slots=True)
class Record:
    """An object with known keys; those of `required` must be there."""

    known: Mapping[str, Shape]
    required: frozenset[str] = field(default_factory=frozenset)

    def check(self, value: Any, path: str, reader: Reader) -> None:
        if not isinstance(value, dict):
            _wrong(reader, path, "an object")
            return
        for key in sorted(self.required - value.keys()):
            reader.fault("missing_key", path, f"{path} lacks the key {key}")
        for key, each in value.items():
            shape = self.known.get(key)
            if shape is not None:
                shape.check(each, pointer(path, key), reader)


@dataclass(frozen=True, slots=True)
class Either:
    """A text (`if_text`), or what `otherwise` says."""

    if_text: Shape
    otherwise: Shape

    def check(self, value: Any, path: str, reader: Reader) -> None:
        (self.if_text if isinstance(value, str) else self.otherwise).check(value, path, reader)


@dataclass(frozen=True, slots=True)
class Expression:
    def check(self, value: Any, path: str, reader: Reader) -> None:
        if isinstance(value, str):
            reader.expression(path, value)
        else:
            _wrong(reader, path, "the text of an expression")


@dataclass(frozen=True, slots=True)
class Transform:
    """{type: static, value?} | {type: javascript, expr} | {type: ai}; `static` checks a static value."""

    static: Shape = field(default_factory=Anything)

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
            _wrong(reader, path, "an input transform: {type: static, value} or {type: javascript, expr}")
