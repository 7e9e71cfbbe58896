"""Validation of inputs against the JSON Schema of a script or workflow, before a run exists."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from orvanta_platform.errors import BadRequest, InvalidInput, TooComplex
from orvanta_platform.evaluate import schemas
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.evaluate.schemas import SchemaTooComplex, Verdict
from orvanta_platform.orchestrator.interpolation import REFERENCE

_LINE_ENDS = {ord(each): f"\\u{ord(each):04x}" for each in "\n\r\u2028\u2029"}

_NULL = msgspec.Raw(b"null")

Schema = bytes | str | Mapping[str, Any] | None
"""A JSON Schema as JSON text or as a plain tree; None allows every object."""


async def check(evaluator: Evaluator, schema: Schema, args: bytes) -> None:
    """Check `args` (JSON object text) against `schema`.

    Raises InvalidInput for args that are not a JSON object, and for invalid ones; `details.errors` then holds up to
    20 `{path, message}` with the JSON pointer of the invalid part. References to other documents are never fetched,
    and patterns run on an engine of linear time. Unknown keywords are ignored. `$var:` and `$res:` are always valid:
    their values are known when the job starts. The processor time and memory of a check are limited; raises
    TooComplex at the limit.
    """
    try:
        verdict = await evaluator.schemas.check(evaluator.workspace, _text(schema), args, REFERENCE)
    except SchemaTooComplex as error:
        raise TooComplex(
            f"The input cannot be checked against its schema: {error}.",
            hint="Simplify the schema (recursive alternatives, long patterns), or send smaller inputs.",
            details={"path": ""},
        ) from error
    _refuse(verdict)


def without_nulls(schema: Mapping[str, Any] | None, args: bytes) -> bytes:
    """Return `args` without the members that are null although their type in `schema` does not allow it.

    Programs send null for what they do not set. A required property remains, so that `check` reports it.
    """
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping) or b"null" not in args or len(args) > schemas.MAX_SCANNED_BYTES:
        return args
    try:
        members = msgspec.json.decode(args, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return args
    required = schema.get("required") if schema is not None else None
    kept = {each for each in required if isinstance(each, str)} if isinstance(required, list) else set[str]()
    nulls = {name for name, each in members.items() if each == _NULL}
    dropped = {name for name in nulls - kept if _refuses_null(properties.get(name))}
    return msgspec.json.encode({name: members[name] for name in members if name not in dropped}) if dropped else args


def _refuses_null(schema: Any) -> bool:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    return bool(kind) and "null" not in (kind if isinstance(kind, list) else [kind])


def check_at_once(schema: Schema, args: bytes) -> bool:
    """Check `args` within a transaction, without a child process. Returns False if `check` must be awaited outside.

    Raises InvalidInput.
    """
    verdict = schemas.check_inline(_text(schema), args, REFERENCE)
    if verdict is None:
        return False
    _refuse(verdict)
    return True


def _refuse(verdict: Verdict) -> None:
    if verdict.unusable is not None:
        raise _unusable(verdict.unusable)
    if verdict.unreadable is not None:
        raise InvalidInput(f"The input {verdict.unreadable}.", details={"path": ""})
    if verdict.errors:
        first = verdict.errors[0]
        where = first.path or "the input"
        raise InvalidInput(
            f"The input does not match the schema at {where}: {first.message}.",
            hint="Nothing was started. Correct the input, or the schema of the script or workflow.",
            details={
                "path": first.path,
                "errors": [{"path": each.path, "message": each.message} for each in verdict.errors],
            },
        )


async def check_schema(evaluator: Evaluator, schema: Schema) -> list[str]:
    """Check the schema itself; returns the JSON pointers of patterns that only a browser checks.

    These are patterns of JavaScript that cannot be matched in linear time, for example with lookaheads. Raises
    BadRequest with the error in its message, EvaluatorUnavailable.
    """
    text = _text(schema)
    if text is None:
        return []
    try:
        verdict = await evaluator.schemas.check_schema(evaluator.workspace, text)
    except SchemaTooComplex as error:
        raise BadRequest(f"The schema of the inputs cannot be read: {error}.", hint="Simplify the schema.") from error
    reason = verdict.unusable
    if reason is None and verdict.unchecked:
        patterns = verdict.unchecked.values()
        faults = await evaluator.syntax_errors([_regular_expression(each) for each in patterns])
        reason = next((f"{p!r} is not a pattern" for p, fault in zip(patterns, faults, strict=True) if fault), None)
    if reason is not None:
        refusal = _unusable(reason)
        raise BadRequest(refusal.message, hint=refusal.hint)
    return list(verdict.unchecked)


def _regular_expression(pattern: str) -> str:
    """Return the JavaScript literal of a pattern."""
    escaped = re.sub(r"(\\.)|/", lambda found: found[1] or r"\/", pattern, flags=re.DOTALL)
    return f"/(?:{escaped.translate(_LINE_ENDS)})/"


def _unusable(reason: str) -> InvalidInput:
    return InvalidInput(
        f"The schema of the inputs cannot be used: {reason}.",
        hint="Correct the schema; references to other documents are not followed.",
    )


def _text(schema: Schema) -> str | None:
    if isinstance(schema, bytes):
        return schema.decode()
    return schema if schema is None or isinstance(schema, str) else json.dumps(schema, sort_keys=True)
