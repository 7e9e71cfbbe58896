"""Conversion of JSON arguments to the types that the parameters of `main` are annotated with. Standard library only."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import sys
import types
import typing
from collections.abc import Callable, Mapping, Set
from typing import Any

_PLAIN = {str, int, float, bool, dict, list, object, None, Any}
_COLLECTIONS = {list: list, set: list, frozenset: list, tuple: list, dict: dict}
"""Types of JSON by the type of the collection that they become."""

_REQUEST = ("route", "path", "method", "params", "query", "headers")
_PLAIN_NAMES = {"str", "int", "float", "bool", "dict", "list", "object", "None", "Any"}


class InvalidArgument(Exception):
    """Raised if an argument has no value of its parameter's type; the message names both."""


def annotated(function: Any) -> dict[str, Any]:
    """Return the annotations of the parameters that may need a conversion. Unreadable ones are left out."""
    found = {name: kind for name, kind in _annotations(function).items() if name != "return" and not _is_plain(kind)}
    return _evaluated(found, getattr(function, "__globals__", {}))


def _annotations(function: Any) -> Mapping[str, Any]:
    """Return the annotations of a function. Names that do not exist are left in them."""
    if sys.version_info < (3, 14):
        return getattr(function, "__annotations__", {})
    # Reading `__annotations__` raises NameError for names that exist for type checkers only.
    import annotationlib  # type: ignore[import-not-found, unused-ignore]

    return annotationlib.get_annotations(function, format=annotationlib.Format.FORWARDREF)


def _evaluated(annotations: dict[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the annotations with those that are texts evaluated, without those that cannot be."""
    found: dict[str, Any] = {}
    for name, kind in annotations.items():
        if isinstance(kind, str):
            with contextlib.suppress(Exception):  # a name that exists for type checkers only
                found |= typing.get_type_hints(types.SimpleNamespace(__annotations__={name: kind}), {**names})
        else:
            found[name] = kind
    return found


def convert(name: str, value: Any, kind: Any) -> Any:
    """Return a JSON value as one of the annotated type; the value itself for types that are not converted.

    Converted are dates, times, base64 text (bytes), decimals, UUIDs, enumerations, data classes, models of pydantic,
    and these within lists, tuples, sets, dictionaries and unions. Raises InvalidArgument.
    """
    try:
        return _of(value, kind)
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        shown = kind.__name__ if isinstance(kind, type) else str(kind)
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
    if dataclasses.is_dataclass(kind):
        return _of_dataclass(value, kind)
    validate = _validate(kind)
    if validate is not None:
        return validate(value)
    read = _readers().get(kind)
    return value if read is None else read(value)


def _of_dataclass(value: Any, kind: Any) -> Any:
    if not isinstance(value, dict):
        raise TypeError("it must be an object")
    types_ = {each.name: each.type for each in dataclasses.fields(kind)}
    hints = _evaluated(types_, vars(sys.modules[kind.__module__]))
    return kind(**{name: _of(each, hints.get(name, Any)) for name, each in value.items()})


def _validate(kind: Any) -> Any:
    """Return the function by which a model of pydantic reads a value; None if the type is no model."""
    found = getattr(kind, "model_validate", None) or getattr(kind, "parse_obj", None)
    return found if callable(found) else None


def _converts(kind: Any) -> bool:
    """Return whether values of the type are converted, or values within it."""
    if _is_plain(kind) or isinstance(kind, str):
        return False
    if inner := typing.get_args(kind):
        return any(map(_converts, inner))
    if not isinstance(kind, type) or typing.is_typeddict(kind):
        return False
    is_class = issubclass(kind, enum.Enum) or dataclasses.is_dataclass(kind)
    return is_class or _validate(kind) is not None or kind in _readers()


def _of_generic(value: Any, origin: Any, inner: tuple[Any, ...]) -> Any:
    if origin is typing.Union or origin is types.UnionType:
        return _of_union(value, inner)
    if origin is typing.Annotated:
        return _of(value, inner[0])
    if origin not in _COLLECTIONS or not inner:
        return value
    if not isinstance(value, _COLLECTIONS[origin]):
        if any(map(_converts, inner)):
            raise TypeError(f"it must be {'an object' if origin is dict else 'a list'}")
        return value
    if isinstance(value, dict):
        return {name: _of(each, inner[-1]) for name, each in value.items()}
    if origin is tuple and inner[-1] is not Ellipsis:
        return tuple(_of(each, kind) for each, kind in zip(value, inner, strict=True))
    return origin(_of(each, inner[0]) for each in value)


def _of_union(value: Any, members: tuple[Any, ...]) -> Any:
    """Return the value as the first member that accepts it; plain members accept values of their own type."""
    fault: Exception | None = None
    for kind in members:
        if _is_plain(kind):
            if kind is Any or isinstance(value, (int, float) if kind is float else kind):
                return value
            continue
        if kind is types.NoneType:
            continue
        if not isinstance(value, _COLLECTIONS.get(typing.get_origin(kind), object)) and not _converts(kind):
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
        uuid.UUID: lambda value: uuid.UUID(str(value)),
    }
