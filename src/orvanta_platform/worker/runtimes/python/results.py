"""Conversion of the value of `main` to JSON, with errors that name path and type. Standard library only."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import ItemsView, KeysView, Mapping, Sequence, ValuesView
from typing import Any


class NotJson(Exception):
    """Raised if the value has no JSON form; the message names path and type."""


def to_json(value: Any, *, finite: bool = False) -> bytes:
    """Return `value` as JSON text in UTF-8. Raises NotJson.

    Dates, durations, decimals, UUIDs and paths become strings, bytes base64, data classes and models of pydantic
    objects, enumeration members their values, sets, ranges, views of dictionaries and arrays lists, tables lists of
    rows. Other mappings become objects, other values the text that their class defines (`__str__`), other sequences
    lists. NaN and infinities become null. `finite`: there are none of these.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_convert)
        return text.encode()
    except UnicodeEncodeError as error:
        raise NotJson("a text in the result contains an unpaired surrogate, which UTF-8 cannot encode") from error
    except RecursionError as error:
        raise NotJson("the result is nested too deeply") from error
    except (TypeError, ValueError) as error:
        fault = _find(value)
        if fault is not None or isinstance(error, TypeError) or finite:
            raise NotJson(fault or f"the result is not JSON: {error}") from error
        return to_json(_finite(value), finite=True)


def _convert(value: Any) -> Any:
    import base64
    import datetime  # large and rarely needed: imported here to keep them out of every cell
    import decimal
    import pathlib
    import uuid

    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat() if value == value else None  # pandas.NaT differs from itself
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, set | frozenset):
        return _in_order(value)
    if isinstance(value, range | KeysView | ValuesView | ItemsView):
        return list(value)
    if isinstance(value, datetime.timedelta | decimal.Decimal | uuid.UUID | pathlib.PurePath):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if not isinstance(value, type):
        for find in (_of_library, _of_protocol):
            if (found := find(value)) is not _UNKNOWN:
                return found
    raise TypeError(f"{type(value).__name__} is not JSON")


_UNKNOWN = object()


def _of_library(value: Any) -> Any:
    """Return a value of a common library in plain types; _UNKNOWN for any other. No library is imported."""
    home, name = type(value).__module__.partition(".")[0], type(value).__name__
    match home, name:
        case ("numpy", _) if hasattr(value, "tolist"):
            return value.tolist()
        case ("pandas", "DataFrame"):
            return value.values.tolist()
        case ("pandas", "NAType"):
            return None
        case ("pandas", _) if hasattr(value, "tolist"):
            return value.tolist()
        case ("polars", "DataFrame"):
            return value.rows()
        case ("polars", "Series"):
            return value.to_list()
    if callable(dump := getattr(value, "model_dump", None)):
        return dump()
    if hasattr(type(value), "__fields__") and callable(dump := getattr(value, "dict", None)):
        return dump()
    return _UNKNOWN


def _of_protocol(value: Any) -> Any:
    """Return a mapping, a value with a text of its own or a sequence in plain types; _UNKNOWN for any other."""
    if isinstance(value, Mapping):
        return dict(value)
    own: Any = type(value).__str__
    if own is not object.__str__:
        try:
            return str(value)
        except Exception:  # code of the script
            return _UNKNOWN
    return list(value) if isinstance(value, Sequence) else _UNKNOWN


def _in_order(value: set[Any] | frozenset[Any]) -> list[Any]:
    """Return the members of a set in ascending order, or in their own if they cannot be compared."""
    try:
        return sorted(value)
    except TypeError:
        return list(value)


def _finite(value: Any) -> Any:
    """Return a copy of a JSON value without NaN and infinities, which are texts as keys."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, dict):
        return {_finite_key(key): _finite(each) for key, each in value.items()}
    return value if value is None or isinstance(value, str | int) else _finite(_convert(value))


def _finite_key(key: Any) -> Any:
    return json.dumps(key) if isinstance(key, float) and not math.isfinite(key) else key


def _find(value: Any) -> str | None:
    """Return a description of the part of `value` that is not JSON, found without recursion."""
    todo: list[tuple[str, Any, tuple[int, ...]]] = [("result", value, ())]
    while todo:
        path, here, above = todo.pop()
        if id(here) in above:
            return f"{path} contains itself"
        if here is None or isinstance(here, str | int | float):
            continue
        if isinstance(here, list | tuple):
            inner = [(f"{path}[{i}]", item) for i, item in enumerate(here)]
        elif isinstance(here, dict):
            bad = next((k for k in here if not (k is None or isinstance(k, str | int | float))), None)
            if bad is not None:
                return f"{path} has a key of type {type(bad).__name__}"
            inner = [(f"{path}.{key}", item) for key, item in here.items()]
        else:
            try:
                inner = [(path, _convert(here))]
            except TypeError:
                return f"{path} is of type {type(here).__name__}, which is not JSON"
        todo += [(where, item, (*above, id(here))) for where, item in reversed(inner)]
    return None
