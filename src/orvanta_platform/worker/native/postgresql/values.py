"""Conversion of arguments from JSON to PostgreSQL values, and of rows to JSON."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import asyncpg
import msgspec

_TIMES: Final[Mapping[str, Callable[[str], Any]]] = {
    "date": lambda text: datetime.date.fromisoformat(text[:10]),
    "time": datetime.time.fromisoformat,
    "timetz": datetime.time.fromisoformat,
    "timestamp": lambda text: datetime.datetime.fromisoformat(text).replace(tzinfo=None),
    "timestamptz": lambda text: _aware(datetime.datetime.fromisoformat(text)),
}
_INTEGERS: Final = frozenset({"int2", "int4", "int8", "oid"})
_MOST_DIGITS: Final = 20
_BOOLEANS: Final = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
AS_TEXT: Final = ("interval",)
"""Types that are passed as text in PostgreSQL's format, as Python has no type that represents them fully."""


def argument(value: Any, type_name: str) -> Any:
    """Return `value` (from JSON, fractions as Decimal) as asyncpg expects it for a parameter of the type.

    Raises ValueError, TypeError, KeyError or ArithmeticError if the value does not fit the type.
    """
    if value is None:
        return None
    if type_name.endswith("[]"):
        if not isinstance(value, list):
            raise ValueError("a list is needed")
        return [argument(item, type_name.removesuffix("[]")) for item in value]
    if type_name in ("json", "jsonb"):
        return _json(value)
    if type_name in _INTEGERS:
        return _integer(value)
    if type_name in ("float4", "float8"):
        return float(value)
    if type_name == "numeric":
        return Decimal(str(value))
    if type_name == "bool":
        return _BOOLEANS[str(value).lower()]
    if type_name in _TIMES and isinstance(value, str):
        return _TIMES[type_name](value)
    if type_name == "bytea":
        return base64.b64decode(value, validate=True)
    return value if isinstance(value, str) else _json(value)


def _integer(value: Any) -> int:
    number = Decimal(str(value))
    if number.is_finite() and number.adjusted() > _MOST_DIGITS:  # 1e900000000 has as many digits as an int
        raise ValueError("the number is too large")
    if number != number.to_integral_value():
        raise ValueError("a whole number is needed")
    return int(number)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_number)


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)


def _aware(moment: datetime.datetime) -> datetime.datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.UTC)


def as_json(value: Any) -> Any:
    """Return a PostgreSQL value as a JSON value. Values that JSON cannot represent become text.

    Raises msgspec.DecodeError, RecursionError for a json or jsonb value that is not one JSON value.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Decimal():
            return _exact(value)
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode()
        case msgspec.Raw():
            msgspec.json.decode(value, type=msgspec.Raw)  # the server is not trusted: text after the value adds members
            return value
        case asyncpg.Record():
            return {name: as_json(item) for name, item in value.items()}
        case list() | tuple():
            return [as_json(item) for item in value]
        case asyncpg.BitString():
            return value.as_string().replace(" ", "")
        case asyncpg.Range():
            return _range(value)
        case ipaddress.IPv4Interface() | ipaddress.IPv6Interface():
            return str(value)
    return str(value)


def _exact(value: Decimal) -> Any:
    """Return a number if a double represents it exactly, otherwise text."""
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value() and abs(value) <= 1 << 53:
        return int(value)
    number = float(value)
    return number if math.isfinite(number) and Decimal(repr(number)) == value else format(value, "f")


def _range(value: asyncpg.Range[Any]) -> str:
    if value.isempty:
        return "empty"
    lower, upper = ("" if edge is None else str(as_json(edge)) for edge in (value.lower, value.upper))
    return f"{'[' if value.lower_inc else '('}{lower},{upper}{']' if value.upper_inc else ')'}"


def raw_json(text: str) -> msgspec.Raw:
    """Return a json or jsonb value unchanged, with all its digits."""
    return msgspec.Raw(text.encode())
