"""Samples of JSON Schemas: small values that match, for dry runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_MAX_DEPTH: Final = 8
"""Levels below which a sample is null."""
_MAX_MEMBERS: Final = 100

_TEXTS: Final[Mapping[str, str]] = {
    "date-time": "2000-01-01T00:00:00Z",
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "email": "user@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def sample(schema: Any) -> Any:
    """Return a value that matches the schema: its constant, default or example, otherwise an empty value of its type.

    An array has one item if the schema describes items, so that loops over it have an iteration. Constraints such as
    patterns are not considered.
    """
    return _sample(schema, schema, 0)


def _sample(schema: Any, root: Any, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return None
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    for name in ("examples", "enum"):
        if isinstance(schema.get(name), list) and schema[name]:
            return schema[name][0]
    if isinstance(schema.get("$ref"), str):
        return _sample(_referenced(schema["$ref"], root), root, depth + 1)
    for name in ("oneOf", "anyOf"):
        if isinstance(schema.get(name), list) and schema[name]:
            return _sample(schema[name][0], root, depth + 1)
    return _of_type(_type_of(schema), schema, root, depth)


def _type_of(schema: Mapping[str, Any]) -> Any:
    named = schema.get("type")
    if isinstance(named, list):
        return next((each for each in named if each != "null"), None)
    if named is None:
        return "object" if "properties" in schema else "array" if "items" in schema else None
    return named


def _of_type(name: Any, schema: Mapping[str, Any], root: Any, depth: int) -> Any:
    match name:
        case "object":
            members = schema.get("properties")
            named = list(members.items())[:_MAX_MEMBERS] if isinstance(members, dict) else []
            return {member: _sample(each, root, depth + 1) for member, each in named}
        case "array":
            return [_sample(schema["items"], root, depth + 1)] if isinstance(schema.get("items"), dict) else []
        case "string":
            return _TEXTS.get(str(schema.get("format")), "")
        case "integer" | "number":
            lowest = schema.get("minimum", 0)
            return lowest if isinstance(lowest, int | float) else 0
        case "boolean":
            return False
        case _:
            return None


def _referenced(reference: str, root: Any) -> Any:
    found = root
    for part in reference.removeprefix("#/").split("/") if reference.startswith("#/") else ():
        found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found if reference.startswith("#/") else None
