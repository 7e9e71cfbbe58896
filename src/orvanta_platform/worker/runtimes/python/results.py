"""Conversion of the value of `main` to JSON, with errors that name path and type. Standard library only."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from typing import Any


class NotJson(Exception):
    """Raised if the value has no JSON form; the message names path and type."""


def to_json(value: Any) -> bytes:
    """Return `value` as JSON text in UTF-8. Raises NotJson.

    Dates, decimals, UUIDs and paths become strings, data classes objects, and enumeration members their values.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_convert)
        return text.encode()
    except UnicodeEncodeError as error:
        raise NotJson("a text in the result holds half of a surrogate pair, which UTF-8 cannot") from error
    except RecursionError as error:
        raise NotJson("the result is nested too deeply") from error
    except (TypeError, ValueError) as error:
        raise NotJson(_find(value) or f"the result is not JSON: {error}") from error


def _convert(value: Any) -> Any:
    import datetime  # large and rarely needed: imported here to keep them out of every cell
    import decimal
    import pathlib
    import uuid

    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | uuid.UUID | pathlib.PurePath):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} is not JSON")


def _find(value: Any) -> str | None:
    """Return a description of the part of `value` that is not JSON, found without recursion."""
    todo: list[tuple[str, Any, tuple[int, ...]]] = [("result", value, ())]
    while todo:
        path, here, above = todo.pop()
        if id(here) in above:
            return f"{path} contains itself"
        if isinstance(here, float) and not math.isfinite(here):
            return f"{path} is {here}, which JSON cannot hold"
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
