"""Inputs against the JSON Schema of what is run, before a run exists."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Any

import jsonschema_rs
import msgspec

from orvanta_platform.errors import BadRequest, InvalidInput
from orvanta_platform.evaluate.raw import require_utf8
from orvanta_platform.services.interpolation import is_reference, may_refer

_SHOWN_ERRORS = 20
_LONGEST_MESSAGE = 300
_MASK = "the value"
_DATA_KEYWORDS = ("const", "default", "examples")
_DRAFTS = (
    "http://json-schema.org/draft-04/schema",
    "http://json-schema.org/draft-06/schema",
    "http://json-schema.org/draft-07/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
)

Schema = bytes | str | Mapping[str, Any] | None
"""A JSON Schema as JSON text or as a plain tree; None allows every object."""


def check(schema: Schema, args: bytes) -> None:
    """Nothing where `args` (JSON object text) fit `schema`.

    Raises InvalidInput: args that are no JSON object, or that do not fit; `details.errors` then holds up to
    20 `{path, message}` with the JSON pointer of the failing place. References to other documents are never
    fetched and patterns run on an engine of linear time. Unknown keywords are ignored. `$var:` and `$res:` fit
    everywhere: what they stand for is known when the job starts.
    """
    if schema is None and _is_object(args):
        return
    value = _parse(args)
    if schema is None:
        return
    validator = _validator(_text(schema))
    found: Iterable[jsonschema_rs.ValidationError] = validator.iter_errors(value)
    if may_refer(args):
        found = (error for error in found if not _is_reference(value, error))
    errors = [
        {"path": _path(error), "message": _short(error.message)} for error in itertools.islice(found, _SHOWN_ERRORS)
    ]
    if errors:
        first = errors[0]
        where = first["path"] or "the input"
        raise InvalidInput(
            f"The input does not fit the schema at {where}: {first['message']}.",
            hint="Nothing was started. Correct the input, or the schema of what is run.",
            details={"path": first["path"], "errors": errors},
        )


def _is_object(args: bytes) -> bool:
    """Whether it is one, without making anything of it; False also where it takes more than a look to say."""
    try:
        require_utf8(args)
        msgspec.json.decode(args, type=dict[str, msgspec.Raw])
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return False
    return True


def check_schema(schema: Schema) -> None:
    """Nothing where the schema itself can be used. Raises BadRequest with what is wrong in it."""
    if schema is not None:
        try:
            _validator(_text(schema))
        except InvalidInput as error:
            raise BadRequest(error.message, hint=error.hint) from error


@functools.lru_cache(maxsize=512)
def _compiled(text: str) -> jsonschema_rs.Validator:
    tree = json.loads(text)
    if not isinstance(tree, dict):
        raise TypeError("a schema is a JSON object")
    if str(tree.get("$schema", "")).rstrip("#") not in _DRAFTS:
        tree.pop("$schema", None)
    return jsonschema_rs.validator_for(
        _without_empty(tree),
        offline=True,
        validate_formats=False,
        pattern_options=jsonschema_rs.RegexOptions(),
        mask=_MASK,
    )


def _without_empty(schema: Any) -> Any:
    """The schema without keywords that say nothing: editors write `enum: null` and `type: ""`."""
    if isinstance(schema, list):
        return [_without_empty(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: part if key in _DATA_KEYWORDS else _without_empty(part)
        for key, part in schema.items()
        if key in _DATA_KEYWORDS or not (part is None or (key == "type" and part == ""))
    }


def _validator(text: str) -> jsonschema_rs.Validator:
    try:
        return _compiled(text)
    except (ValueError, TypeError, jsonschema_rs.ReferencingError, RecursionError) as error:
        message = getattr(error, "message", None) or str(error)
        raise InvalidInput(
            f"The schema of the inputs cannot be used: {_short(message)}.",
            hint="Correct the schema; references to other documents are not followed.",
        ) from error


def _text(schema: bytes | str | Mapping[str, Any]) -> str:
    if isinstance(schema, bytes):
        return schema.decode()
    return schema if isinstance(schema, str) else json.dumps(schema, sort_keys=True)


def _parse(args: bytes) -> dict[str, Any]:
    try:
        value = json.loads(args, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The input is not JSON: {_short(str(error))}.", details={"path": ""}) from error
    if not isinstance(value, dict):
        raise InvalidInput("The input must be a JSON object.", details={"path": ""})
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _is_reference(value: Any, error: jsonschema_rs.ValidationError) -> bool:
    for part in error.instance_path:
        value = value[part]
    return isinstance(value, str) and is_reference(value)


def _path(error: jsonschema_rs.ValidationError) -> str:
    """The JSON pointer of what is wrong; of a missing property, where it should stand."""
    parts = list(error.instance_path)
    missing = getattr(error.kind, "property", None) if error.kind.name == "required" else None
    return _pointer([*parts, missing] if isinstance(missing, str) else parts)


def _pointer(parts: list[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _short(message: str) -> str:
    text = message.rstrip(".")
    return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "…"
