"""Validation of values against a JSON Schema. Imports only the standard library, jsonschema-rs and msgspec.

A request is HEAD (the lengths of two texts), the pattern of strings that are always valid, the schema and the value,
each as text. Without a schema the value only has to be a JSON object; without a value only the schema is read. The
answer's value is one of

    {"unusable": "…"}                            the schema cannot be used, and why
    {"unreadable": "…"}                          the value is not a JSON object, and why
    {"errors": [{"path": "/a/0", "message": "…"}]}   empty if the value is valid
    {"unchecked": {"/a/pattern": "…"}}           for a request without a value: patterns that are not checked
"""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import struct
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import jsonschema_rs
import msgspec

HEAD: Final = struct.Struct(">II")

TIME_S: Final = 1.0
"""Maximum processor time of one request."""

BYTES_A_SECOND: Final = 8 << 20
"""Bytes of a request for which the time limit grows by one second."""

_EXIT_AFTER_BYTES: Final = 4 << 20
"""Size of a request after which the process exits, to release its memory."""

_MAX_ERRORS: Final = 20
_MAX_MESSAGE_CHARS: Final = 300
_MASK: Final = "the value"
_NICENESS: Final = 10
_DATA_KEYWORDS: Final = ("const", "default", "examples")
_DRAFTS: Final = (
    "http://json-schema.org/draft-04/schema",
    "http://json-schema.org/draft-06/schema",
    "http://json-schema.org/draft-07/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
)
_MAX_UNCHECKED: Final = 100
_MAX_CACHED: Final = 64
_MAX_CACHED_BYTES: Final = 64 << 10
"""Maximum size of a schema that is cached in compiled form, in bytes."""

OUT_OF_MEMORY: Final = "out_of_memory"
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])

Found = dict[str, Any]
"""Value of an answer."""


class Engine:
    """Answers requests; a request that takes too much time or memory ends the process."""

    def __init__(self) -> None:
        os.nice(_NICENESS)
        self._cache: dict[bytes, Compiled] = {}
        self._warm_up()

    @property
    def is_prepared(self) -> bool:
        """Return True: there is nothing to prepare."""
        return True

    def prepare(self) -> None:
        """Do nothing."""

    def evaluate(self, request: bytes) -> bytes:
        """Answer a request."""
        signal.setitimer(signal.ITIMER_PROF, TIME_S + len(request) / BYTES_A_SECOND)
        try:
            text = json.dumps(self._check_request(request)).encode()
        except BaseException:  # a panic of the extension is not an Exception; its memory may be corrupt
            return b'{"error":{"name":"%s","message":""},"limit":true}' % OUT_OF_MEMORY.encode()
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        return (
            b'{"limit":true,"value":%s}' if len(request) > _EXIT_AFTER_BYTES else b'{"truthy":true,"value":%s}'
        ) % text

    def _check_request(self, request: bytes) -> Found:
        pattern_length, schema_length = HEAD.unpack_from(request)
        start, end = HEAD.size + pattern_length, HEAD.size + pattern_length + schema_length
        schema, args = request[start:end], request[end:]
        if not schema:
            return {"errors": []} if is_object(args) else check(None, args, None)
        try:
            compiled = self._compiled(schema)
        except UNUSABLE as error:
            return {"unusable": why_unusable(error)}
        if not args:
            return {"unchecked": compiled.unchecked}
        return check(compiled.validator, args, re.compile(request[HEAD.size : start].decode()))

    def _compiled(self, schema: bytes) -> Compiled:
        found = self._cache.get(schema)
        if found is None:
            found = compile_schema(schema.decode())
            if len(schema) <= _MAX_CACHED_BYTES:
                if len(self._cache) >= _MAX_CACHED:
                    del self._cache[next(iter(self._cache))]
                self._cache[schema] = found
        return found

    def _warm_up(self) -> None:
        """Import everything that errors, large numbers and patterns need: after the confinement no file can be read."""
        schema = b'{"properties":{"a":{"pattern":"^b","type":"string"},"n":{"maximum":1}},"required":["c"]}'
        for args in (b'{"a":"c","n":%s}' % (b"9" * 40), b'{"a":1,"n":1.5e300}', b'["', b"{"):
            text = HEAD.pack(2, len(schema)) + b".*" + schema + args
            self._check_request(text)
            self._check_request(HEAD.pack(0, 0) + args)
        self._check_request(HEAD.pack(2, 15) + b'.*{"type":"foo"} {}')
        self._cache.clear()


UNUSABLE: Final = (ValueError, TypeError, jsonschema_rs.ReferencingError, RecursionError)
"""Exceptions that `compile_schema` raises for an unusable schema."""


def why_unusable(error: Exception) -> str:
    """Return the reason as one clause."""
    return _short(getattr(error, "message", None) or str(error))


class Compiled(NamedTuple):
    """Compiled schema."""

    validator: jsonschema_rs.Validator
    unchecked: dict[str, str]
    """JSON pointer → pattern that cannot be matched in linear time, for example with a lookahead; ignored."""


def compile_schema(text: str) -> Compiled:
    """Compile the validator of a schema. Raises one of UNUSABLE.

    References to other documents are never fetched and patterns are matched in linear time.
    """
    tree = json.loads(text)
    if not isinstance(tree, dict):
        raise TypeError("a schema is a JSON object")
    if str(tree.get("$schema", "")).rstrip("#") not in _DRAFTS:
        tree.pop("$schema", None)
    tree = without_empty(tree)
    unchecked: dict[str, str] = {}
    while True:
        try:
            return Compiled(_compile(tree), unchecked)
        except jsonschema_rs.ValidationError as error:
            path = list(error.instance_path)
            if getattr(error.kind, "format", None) != "regex" or len(unchecked) == _MAX_UNCHECKED:
                raise
            unchecked[_pointer(path)] = _remove_pattern(tree, path)


def _compile(tree: dict[str, Any]) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(
        tree,
        offline=True,
        validate_formats=False,
        pattern_options=jsonschema_rs.RegexOptions(),
        mask=_MASK,
    )


def _remove_pattern(tree: Any, path: list[str | int]) -> str:
    """Remove a keyword `pattern`, or a member of `patternProperties`; returns the pattern."""
    *parents, last = path
    keywords: Any = {}
    schema = tree
    for part in parents:
        keywords, schema = schema, schema[part]
    found = schema.pop(last)
    if isinstance(found, str):
        return found
    for closing in ("additionalProperties", "unevaluatedProperties"):
        keywords.pop(closing, None)
    return str(last)


def without_empty(schema: Any) -> Any:
    """Return the schema without what editors write although a schema cannot have it.

    These are empty keywords (`enum: null`, `type: ""`), names that `required` repeats, and `required: true` of a single
    property, as in the third draft.
    """
    if isinstance(schema, list):
        return [without_empty(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {
        key: part if key in _DATA_KEYWORDS else without_empty(part)
        for key, part in schema.items()
        if key in _DATA_KEYWORDS
        or not (part is None or (key == "type" and part == "") or (key == "required" and isinstance(part, bool)))
    }
    required = found.get("required")
    if isinstance(required, list) and all(isinstance(name, str) for name in required):
        found["required"] = list(dict.fromkeys(required))
    return found


def is_object(args: bytes) -> bool:
    """Return whether the text is a JSON object, without building its values; False if only `check` can decide."""
    try:
        str(args, "utf-8")
        _MEMBERS.decode(args)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return False
    return True


def check(validator: jsonschema_rs.Validator | None, args: bytes, always_valid: re.Pattern[str] | None) -> Found:
    """Return the validation errors of a value, at most 20. Strings that match `always_valid` are not checked."""
    try:
        value = json.loads(args, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return {"unreadable": f"is not JSON: {_short(str(error))}"}
    if not isinstance(value, dict):
        return {"unreadable": "must be a JSON object"}
    if validator is None or validator.is_valid(value):
        return {"errors": []}
    found: Iterable[jsonschema_rs.ValidationError] = validator.iter_errors(value)
    if always_valid is not None:
        found = (error for error in found if not _is_always_valid(value, error, always_valid))
    listed = itertools.islice(found, _MAX_ERRORS)
    return {"errors": [{"path": _path(error), "message": _short(error.message)} for error in listed]}


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _is_always_valid(value: Any, error: jsonschema_rs.ValidationError, always_valid: re.Pattern[str]) -> bool:
    for part in error.instance_path:
        value = value[part]
    return isinstance(value, str) and always_valid.fullmatch(value) is not None


def _path(error: jsonschema_rs.ValidationError) -> str:
    """Return the JSON pointer of the error; for a missing property, of the missing member."""
    parts = list(error.instance_path)
    missing = getattr(error.kind, "property", None) if error.kind.name == "required" else None
    return _pointer([*parts, missing] if isinstance(missing, str) else parts)


def _pointer(parts: list[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _short(message: str) -> str:
    text = message.rstrip(".")
    return text if len(text) <= _MAX_MESSAGE_CHARS else text[:_MAX_MESSAGE_CHARS] + "…"
