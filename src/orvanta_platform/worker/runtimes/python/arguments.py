"""Conversion of JSON arguments to the types that the parameters of `main` are annotated with. Standard library only."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Callable, Set
from typing import Any

_PLAIN = {str, int, float, bool, dict, list, object, None, Any}
_REQUEST = ("route", "path", "method", "params", "query", "headers")
_PLAIN_NAMES = {"str", "int", "float", "bool", "dict", "list", "object", "None", "Any"}


class InvalidArgument(Exception):
    """Raised if an argument has no value of its parameter's type; the message names both."""


def annotated(function: Any) -> dict[str, Any]:
    """Return the annotations of the parameters that may need a conversion. Unreadable ones are left out."""
    found = {
        name: kind
        for name, kind in getattr(function, "__annotations__", {}).items()
        if name != "return" and not _is_plain(kind)
    }
    if not any(isinstance(kind, str) for kind in found.values()):
        return found
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # a name that exists for type checkers only
        return {}
    return {name: hints[name] for name in found}


def convert(name: str, value: Any, kind: Any) -> Any:
    """Return a JSON value as one of the annotated type; the value itself for types that are not converted.

    Converted are dates, times, base64 text (bytes), decimals, UUIDs, enumerations, data classes, models of pydantic,
    and these within lists, tuples, sets, dictionaries and unions. Raises InvalidArgument.
    """
    try:
        return _of(value, kind)
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        shown = getattr(kind, "__name__", None) or str(kind)
        raise InvalidArgument(f"the argument {name} is not of the type {shown}: {error}") from error


def of_event(event: dict[str, Any], names: Set[str]) -> dict[str, Any]:
    """Return the arguments of `preprocessor(wm_trigger, …)`: the members of the request's body and, as `wm_trigger`,
    its kind and the request of an HTTP trigger.

    Parameters named `body` and `raw_string` receive these members of the event.
    """
    body = event.get("body")
    found = {name: event.get(name) for name in ("body", "raw_string") if name in names}
    found |= body if isinstance(body, dict) else {}
    request = {name: event.get(name) for name in _REQUEST} if event["kind"] == "http" else None
    return found | {"wm_trigger": {"kind": event["kind"], "http": request}}


def _is_plain(kind: Any) -> bool:
    if isinstance(kind, str):
        return kind in _PLAIN_NAMES
    try:
        return kind in _PLAIN
    except TypeError:
        return False


def _of(value: Any, kind: Any) -> Any:
    if value is None or _is_plain(kind):
        return value
    origin = typing.get_origin(kind)
    if origin is not None:
        return _of_generic(value, origin, typing.get_args(kind))
    if not isinstance(kind, type) or typing.is_typeddict(kind):
        return value
    if issubclass(kind, enum.Enum):
        return _member(value, kind)
    if dataclasses.is_dataclass(kind) and isinstance(value, dict):
        hints = typing.get_type_hints(kind)
        return kind(**{name: _of(each, hints.get(name, Any)) for name, each in value.items()})
    validate = getattr(kind, "model_validate", None) or getattr(kind, "parse_obj", None)
    if callable(validate) and isinstance(value, dict):
        return validate(value)
    read = _readers().get(kind)
    return value if read is None or isinstance(value, dict | list) else read(value)


def _of_generic(value: Any, origin: Any, inner: tuple[Any, ...]) -> Any:
    if origin is typing.Union or origin is types.UnionType:
        return _of_union(value, inner)
    if origin is typing.Annotated:
        return _of(value, inner[0])
    if isinstance(value, dict) and origin is dict and len(inner) == 2:
        return {name: _of(each, inner[1]) for name, each in value.items()}
    if not isinstance(value, list):
        return value
    if origin is tuple and inner and inner[-1] is not Ellipsis:
        return tuple(_of(each, kind) for each, kind in zip(value, inner, strict=True))
    if origin in (list, set, frozenset, tuple) and inner:
        return origin(_of(each, inner[0]) for each in value)
    return value


def _of_union(value: Any, members: tuple[Any, ...]) -> Any:
    """Return the value as the first member that accepts it; plain members accept values of their own type."""
    fault: Exception | None = None
    for kind in members:
        if _is_plain(kind):
            if kind is Any or (isinstance(kind, type) and isinstance(value, kind)):
                return value
            continue
        try:
            return _of(value, kind)
        except (ValueError, TypeError, KeyError, ArithmeticError) as error:
            fault = error
    if fault is not None:
        raise fault
    return value


def _member(value: Any, kind: type[enum.Enum]) -> enum.Enum:
    try:
        return kind(value)
    except ValueError:
        if isinstance(value, str) and value in kind.__members__:
            return kind[value]
        raise


def _readers() -> dict[type, Callable[[Any], Any]]:
    import base64  # rarely needed: imported here to keep them out of every cell
    import datetime
    import decimal
    import uuid

    def moment(value: Any) -> datetime.datetime:
        if isinstance(value, str):
            return datetime.datetime.fromisoformat(value)
        return datetime.datetime.fromtimestamp(value, datetime.UTC)

    def date(value: Any) -> datetime.date:
        text = str(value)
        return datetime.datetime.fromisoformat(text).date() if len(text) > 10 else datetime.date.fromisoformat(text)

    return {
        bytes: lambda value: base64.b64decode(value, validate=True),
        datetime.datetime: moment,
        datetime.date: date,
        datetime.time: lambda value: datetime.time.fromisoformat(value),
        decimal.Decimal: lambda value: decimal.Decimal(str(value)),
        uuid.UUID: lambda value: uuid.UUID(value),
    }
