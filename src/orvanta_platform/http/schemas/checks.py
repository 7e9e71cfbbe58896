"""Wire shapes of what is checked while somebody writes."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.services.catalog.validation import Finding
from orvanta_platform.workflow.signature.fault import Fault


class Problem(msgspec.Struct, kw_only=True):
    """Something wrong: `path` is a JSON pointer into the document, `line` and `column` (from 1) a place in `source`."""

    code: str
    severity: Literal["error", "warning"]
    node: str | None
    path: str
    message: str
    line: int | UnsetType = UNSET
    column: int | UnsetType = UNSET


class Checked(msgspec.Struct, kw_only=True):
    """All diagnostics, errors first; with an error the document cannot be deployed."""

    deployable: bool
    diagnostics: list[Problem]


class AskSchema(msgspec.Struct, kw_only=True):
    """A script whose signature is read."""

    language: str
    content: str


class ScriptFault(msgspec.Struct, kw_only=True):
    """Why a script cannot be read, and where: `line` and `column` count from 1."""

    line: int
    column: int
    message: str


class ScriptSchema(msgspec.Struct, kw_only=True):
    """The JSON Schema of what a script takes; null where its signature cannot be read, with `fault` where known."""

    schema: dict[str, Any] | None
    fault: ScriptFault | UnsetType = UNSET


def checked(found: list[Finding]) -> Checked:
    """What was found in a document."""
    problems = [_problem(each) for each in found]
    return Checked(deployable=all(each.severity != "error" for each in problems), diagnostics=problems)


def script_schema(schema: dict[str, Any] | None, fault: Fault | None) -> ScriptSchema:
    """What a script takes, or why that cannot be told."""
    if fault is None:
        return ScriptSchema(schema=schema)
    said = ScriptFault(line=fault.line, column=fault.column, message=fault.message)
    return ScriptSchema(schema=schema, fault=said)


def _problem(found: Finding) -> Problem:
    said, at = found.diagnostic, found.position
    return Problem(
        code=said.code,
        severity=said.severity,
        node=said.node,
        path=said.path,
        message=said.message,
        line=UNSET if at is None else at.line,
        column=UNSET if at is None else at.column,
    )
