"""Validation against JSON Schemas, with bounded time and memory for any schema and value.

A small value is checked in this process if the cost of its schema is proportional to the value. Everything else is
checked in a confined child process with limits of processor time and memory, which ends when it reaches them.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any, Final

import jsonschema_rs
import msgspec

from orvanta_platform.evaluate.child import schema as checker
from orvanta_platform.evaluate.child.schema import HEAD, TIME_S
from orvanta_platform.evaluate.pool import Children
from orvanta_platform.evaluate.process import SCHEMA, Ended

MAX_INLINE_BYTES: Final = 64 << 10
"""Maximum size of a value that is checked against a schema in this process, in bytes."""

MAX_SCANNED_BYTES: Final = 1 << 20
"""Maximum size of a value that is parsed in this process if there is no schema, in bytes."""

_MAX_PLAIN_SCHEMA: Final = 16 << 10
_MAX_PLAIN_DEPTH: Final = 20
_MAX_WORK: Final = 4 << 20
"""Limit of the size of a value times that of the longest list or constant of its schema, in bytes.

Each place of the value may be compared with each byte of it, and an error repeats it.
"""

_MIN_WIDTH: Final = 32

_LISTED: Final = frozenset({"const", "enum", "required"})
_SCALARS: Final = frozenset(
    {
        "type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems",
        "maxItems", "minProperties", "maxProperties",
    }
)  # fmt: skip
_ANNOTATIONS: Final = frozenset(
    {
        "$comment", "$schema", "customErrorMessage", "default", "deprecated", "description", "disableCreate",
        "disabled", "disableVariablePicker", "enumLabels", "examples", "format", "min_rows", "nullable", "order",
        "originalType", "password", "placeholder", "readOnly", "title", "writeOnly",
    }
)  # fmt: skip
"""Keywords that do not constrain a value; formats are not checked."""


class SchemaTooComplex(Exception):
    """The check reached its limit of time or memory; the message says which."""


class Violation(msgspec.Struct):
    """Validation error: a JSON pointer and a message."""

    path: str
    message: str


class Verdict(msgspec.Struct):
    """Outcome of a check."""

    unusable: str | None = None
    """Reason why the schema cannot be used."""
    unreadable: str | None = None
    """Reason why the value cannot be read."""
    errors: list[Violation] = []
    """Validation errors."""
    unchecked: dict[str, str] = {}
    """JSON pointer → pattern of the schema that is not checked, if only the schema was read."""


class _Plain(msgspec.Struct, frozen=True):
    """Schema that applies at most one subschema to each place of a value."""

    validator: jsonschema_rs.Validator
    width: int

    def can_check(self, size: int) -> bool:
        """Return whether a value of `size` bytes can be checked in negligible time."""
        return size <= MAX_INLINE_BYTES and size * self.width <= _MAX_WORK


class Schemas:
    """Schema checks of one process; belongs to one event loop. A child process is started when first needed."""

    def __init__(self) -> None:
        self._children = Children(SCHEMA)

    def start(self) -> None:
        """Start a child process before the first request needs it."""
        self._children.start()

    async def check(self, workspace: str, schema: str | None, args: bytes, always_valid: re.Pattern[str]) -> Verdict:
        """Check `args`, the JSON text of an object. Strings that match `always_valid` are not checked.

        Raises SchemaTooComplex, EvaluatorUnavailable.
        """
        verdict = check_inline(schema, args, always_valid)
        return verdict if verdict is not None else await self._ask(workspace, schema or "", args or b" ", always_valid)

    async def check_schema(self, workspace: str, schema: str) -> Verdict:
        """Return why a schema is unusable, or which of its patterns are not checked.

        Raises SchemaTooComplex, EvaluatorUnavailable.
        """
        plain = _plain(schema)
        if plain is not None:
            return Verdict(unusable=plain) if isinstance(plain, str) else _VALID
        return await self._ask(workspace, schema, b"", None)

    async def close(self) -> None:
        """End the child processes. The object cannot be used afterwards."""
        await self._children.close()

    async def _ask(self, workspace: str, schema: str, args: bytes, always_valid: re.Pattern[str] | None) -> Verdict:
        pattern, text = always_valid.pattern.encode() if always_valid else b"", schema.encode("utf-8", "replace")
        try:
            reply = await self._children.ask(workspace, HEAD.pack(len(pattern), len(text)), pattern, text, args)
        except Ended as end:
            raise SchemaTooComplex(_OVER_TIME if end.late else _OVER_MEMORY) from None
        if reply.error is not None:
            raise SchemaTooComplex(_OVER_MEMORY)
        return msgspec.json.decode(reply.value, type=Verdict)


_OVER_TIME: Final = f"it needs more than {TIME_S:g} s of processor time"


def check_inline(schema: str | None, args: bytes, always_valid: re.Pattern[str]) -> Verdict | None:
    """Return the verdict if it takes negligible time, None if a child process has to check."""
    if schema is None:
        if len(args) > MAX_SCANNED_BYTES:
            return None
        return _VALID if checker.is_object(args) else _verdict(checker.check(None, args, None))
    plain = _plain(schema) if len(args) <= MAX_INLINE_BYTES else None
    if isinstance(plain, str):
        return Verdict(unusable=plain)
    if plain is None or not plain.can_check(len(args)):
        return None
    return _verdict(checker.check(plain.validator, args, always_valid))


_NO_ERRORS: Final[Mapping[str, Any]] = {"errors": []}
_OVER_MEMORY: Final = "it needs more memory than it may take"


_VALID: Final = Verdict()


def _verdict(found: Mapping[str, Any]) -> Verdict:
    return msgspec.convert(found, Verdict) if found != _NO_ERRORS else _VALID


@functools.lru_cache(maxsize=512)
def _plain(text: str) -> _Plain | str | None:
    """Return the schema if it is small and plain, why it is unusable, or None if a child process has to check it."""
    if len(text) > _MAX_PLAIN_SCHEMA:
        return None
    try:
        tree = json.loads(text)
        width = _width(tree, 0) if isinstance(tree, dict) else 0
        return None if width is None else _Plain(checker.compile_schema(text).validator, max(width, _MIN_WIDTH))
    except checker.UNUSABLE as error:
        return checker.why_unusable(error)


def _width(schema: Any, level: int) -> int | None:
    """Return the size of the longest list or constant in a plain schema, in bytes; None if it is not plain."""
    if isinstance(schema, bool) or schema is None:
        return 0
    if not isinstance(schema, dict) or level > _MAX_PLAIN_DEPTH:
        return None
    widths: list[int | None] = [0]
    for word, value in schema.items():
        match word, value:
            case ("properties", dict()):
                widths += [_width(each, level + 1) for each in value.values()]
            case ("items" | "additionalProperties", _):
                widths.append(_width(value, level + 1))
            case (_, _) if word in _LISTED:
                widths.append(len(json.dumps(value)))
            case (_, _) if word in _SCALARS or word in _ANNOTATIONS:
                pass
            case _:
                return None
    known = [width for width in widths if width is not None]
    return max(known) if len(known) == len(widths) else None
