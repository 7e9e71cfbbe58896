"""Schemas of checks while a document is being edited."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.services.catalog.validation import Finding
from orvanta_platform.workflow.signature.fault import Fault


class Problem(msgspec.Struct, kw_only=True):
    """A diagnostic."""

    code: str
    severity: Literal["error", "warning"]
    node: str | None
    path: str
    """JSON pointer into the document."""

    message: str
    line: int | UnsetType = UNSET
    """Line in `source`, from 1."""

    column: int | UnsetType = UNSET
    """Column in `source`, from 1."""


class DocumentCheck(msgspec.Struct, kw_only=True):
    """The diagnostics of a document."""

    deployable: bool
    """True if there are no errors."""

    diagnostics: list[Problem]
    """All diagnostics, errors first."""


class SchemaRequest(msgspec.Struct, kw_only=True):
    """A script whose signature is to be read."""

    language: str
    content: str


class ScriptFault(msgspec.Struct, kw_only=True):
    """The error that prevents reading a script. `line` and `column` count from 1."""

    line: int
    column: int
    message: str


class ScriptSchema(msgspec.Struct, kw_only=True):
    """The arguments of a script."""

    schema: dict[str, Any] | None
    """JSON Schema of the arguments; null if the signature cannot be read."""

    fault: ScriptFault | UnsetType = UNSET
    """The error, if its position is known."""


def checked(found: list[Finding]) -> DocumentCheck:
    """Convert the findings of a check."""
    problems = [_problem(each) for each in found]
    return DocumentCheck(deployable=all(each.severity != "error" for each in problems), diagnostics=problems)


def script_schema(schema: dict[str, Any] | None, fault: Fault | None) -> ScriptSchema:
    """Convert the schema of a script, or the error that prevents reading it."""
    if fault is None:
        return ScriptSchema(schema=schema)
    error = ScriptFault(line=fault.line, column=fault.column, message=fault.message)
    return ScriptSchema(schema=schema, fault=error)


def _problem(found: Finding) -> Problem:
    diagnostic, at = found.diagnostic, found.position
    return Problem(
        code=diagnostic.code,
        severity=diagnostic.severity,
        node=diagnostic.node,
        path=diagnostic.path,
        message=diagnostic.message,
        line=UNSET if at is None else at.line,
        column=UNSET if at is None else at.column,
    )
