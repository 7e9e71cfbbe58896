"""Diagnostics: faults of a document with their location, in one sentence each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec
from msgspec.structs import asdict

from orvanta_platform.errors import InvalidWorkflow

Severity: TypeAlias = Literal["error", "warning"]


class Diagnostic(msgspec.Struct, frozen=True):
    """Fault of a document."""

    code: str
    """Stable code."""
    severity: Severity
    node: str | None
    """Id of the node concerned."""
    path: str
    """JSON pointer into the document."""
    message: str

    def as_dict(self) -> dict[str, str | None]:
        """Return the wire format: {code, severity, node, path, message}."""
        return asdict(self)


def errors(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Return the diagnostics that prevent a deployment."""
    return [each for each in diagnostics if each.severity == "error"]


def warnings(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Return the diagnostics that do not prevent a deployment."""
    return [each for each in diagnostics if each.severity != "error"]


def invalid(diagnostics: Sequence[Diagnostic]) -> InvalidWorkflow:
    """Return the error that rejects a document, with the message of the first error and all diagnostics as details.

    `diagnostics` must contain at least one error.
    """
    found = errors(diagnostics)
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return InvalidWorkflow(found[0].message + more, details=[each.as_dict() for each in diagnostics])


def refusal(code: str, message: str, path: str = "") -> InvalidWorkflow:
    """Return the error for a document that cannot be read at all."""
    return invalid([Diagnostic(code, "error", None, path, message)])


def pointer(parent: str, key: str | int) -> str:
    """Return the JSON pointer of a member or item of `parent`."""
    name = str(key)
    if "~" in name or "/" in name:
        name = name.replace("~", "~0").replace("/", "~1")
    return f"{parent}/{name}"
