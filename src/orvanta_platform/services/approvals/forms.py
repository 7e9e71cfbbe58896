"""Forms for people, derived from a JSON Schema: one description for every page, and one parser for the input."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec


class FieldKind(StrEnum):
    """Input type of a field."""

    BOOLEAN = "boolean"
    CHOICE = "choice"
    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    LONG_TEXT = "long_text"
    DATE = "date"
    EMAIL = "email"
    URL = "url"
    JSON = "json"


_FORMATS = {
    "textarea": FieldKind.LONG_TEXT,
    "multiline": FieldKind.LONG_TEXT,
    "date": FieldKind.DATE,
    "email": FieldKind.EMAIL,
    "uri": FieldKind.URL,
    "url": FieldKind.URL,
}
"""Kinds of texts by their format."""


class Field(msgspec.Struct, frozen=True):
    """A field of a form."""

    name: str
    label: str
    help: str
    kind: FieldKind
    required: bool
    value: str
    """Initial text; for a boolean "true" or ""."""
    choices: tuple[str, ...] = ()
    """Values to choose from."""


def fields(schema: Any, hints: Mapping[str, Any]) -> list[Field]:
    """Return the fields of a form, in the order of the schema.

    `hints`: `default_args` and `enums` by name, which take precedence.
    """
    required = set(schema.get("required") or ()) if isinstance(schema, dict) else set()
    return [
        _field(name, about, name in required, hints)
        for name, about in _properties(schema).items()
        if isinstance(about, dict)
    ]


def values(schema: Any, sent: Mapping[str, str]) -> dict[str, Any]:
    """Convert the sent texts, by field, to the types of the schema.

    Unparsable text remains text; empty fields are omitted.
    """
    found: dict[str, Any] = {}
    for name, about in _properties(schema).items():
        text = sent.get(name)
        kind = about.get("type") if isinstance(about, dict) else None
        if kind == "boolean":
            found[name] = text is not None
        elif text:
            found[name] = _read(kind, text)
    return found


def _field(name: str, about: dict[str, Any], required: bool, hints: Mapping[str, Any]) -> Field:
    default = _of(hints.get("default_args"), name, about.get("default"))
    choices = _of(hints.get("enums"), name, about.get("enum"))
    kind = _kind(about, choices)
    value = ("true" if default is True else "") if kind is FieldKind.BOOLEAN else _text(default)
    return Field(
        name=name,
        label=str(about.get("title") or name),
        help=str(about.get("description") or ""),
        kind=kind,
        required=required and kind is not FieldKind.BOOLEAN,
        value=value,
        choices=tuple(map(_text, choices)) if kind is FieldKind.CHOICE else (),
    )


def _kind(about: dict[str, Any], choices: Any) -> FieldKind:
    kind = about.get("type")
    if kind == "boolean":
        return FieldKind.BOOLEAN
    if isinstance(choices, list):
        return FieldKind.CHOICE
    if kind in ("integer", "number"):
        return FieldKind(kind)
    if kind in ("string", None):
        return _FORMATS.get(str(about.get("format")), FieldKind.TEXT)
    return FieldKind.JSON


def _properties(schema: Any) -> dict[str, Any]:
    """Return the properties of a schema, those that its `order` names first."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return {}
    order = schema.get("order")
    first = [each for each in order if isinstance(each, str) and each in properties] if isinstance(order, list) else []
    return {name: properties[name] for name in [*first, *properties]}


def _of(named: Any, name: str, otherwise: Any) -> Any:
    return named[name] if isinstance(named, dict) and name in named else otherwise


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read(kind: Any, text: str) -> Any:
    if kind in ("string", None):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
