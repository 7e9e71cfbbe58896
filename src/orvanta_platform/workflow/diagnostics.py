"""Diagnostics: what is wrong with a document, where, in one sentence each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

from orvanta_platform.errors import InvalidWorkflow

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """`code` is stable, `node` the id of the node concerned, `path` a JSON pointer into the document."""

    code: str
    severity: Severity
    node: str | None
    path: str
    message: str

    def as_dict(self) -> dict[str, str | None]:
        """The wire shape: {code, severity, node, path, message}."""
        return asdict(self)


def errors(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Those that forbid a deploy."""
    return [each for each in diagnostics if each.severity == "error"]


def invalid(diagnostics: Sequence[Diagnostic]) -> InvalidWorkflow:
    """The error that refuses a document; its message is the first error's, details are all diagnostics.

    `diagnostics` holds at least one error.
    """
    found = errors(diagnostics)
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return InvalidWorkflow(found[0].message + more, details=[each.as_dict() for each in diagnostics])


def refusal(code: str, message: str, path: str = "") -> InvalidWorkflow:
    """The error of a document that cannot be read at all."""
    return invalid([Diagnostic(code, "error", None, path, message)])


def pointer(parent: str, key: str | int) -> str:
    """The JSON pointer of a member or item of `parent`."""
    name = str(key)
    if "~" in name or "/" in name:
        name = name.replace("~", "~0").replace("/", "~1")
    return f"{parent}/{name}"
