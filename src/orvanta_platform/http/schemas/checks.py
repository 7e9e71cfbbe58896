"""Schemas of checks while a document is being edited."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.services.catalog.validation import Finding, FlowCheck
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


class PolicyDefault(msgspec.Struct, kw_only=True):
    """A value that a policy gives to an absent field."""

    policy: str
    node: str | None
    """Id of the node; null for the workflow."""

    field: str
    path: str
    """JSON pointer of the field in the document."""

    value: Any


class DocumentCheck(msgspec.Struct, kw_only=True):
    """The diagnostics of a document."""

    deployable: bool
    """True if there are no errors."""

    diagnostics: list[Problem]
    """All diagnostics, errors first."""

    defaults: list[PolicyDefault]
    """Values that policies give to absent fields when the document is deployed."""


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


def checked(found: FlowCheck) -> DocumentCheck:
    """Convert the result of a check."""
    problems = [_problem(each) for each in found.findings]
    defaults = [
        PolicyDefault(policy=each.policy, node=each.node, field=each.field, path=each.pointer, value=each.value)
        for each in found.defaults
    ]
    is_deployable = all(each.severity != "error" for each in problems)
    return DocumentCheck(deployable=is_deployable, diagnostics=problems, defaults=defaults)


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
