"""Problems of the code of scripts and nodes: what cannot run, and metadata in files that do not fit it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orvanta_platform.errors import InvalidScript
from orvanta_platform.workflow.conflict_markers import UNRESOLVED, line_of_conflict
from orvanta_platform.workflow.requirements import requirements_of
from orvanta_platform.workflow.requirements.lock_coverage import missing_packages
from orvanta_platform.workflow.signature.fault import Fault, syntax_fault
from orvanta_platform.workflow.signature.refresh import accepts_any, outdated_inputs
from orvanta_platform.workflow.signature.schema import schema_of
from orvanta_platform.workflow.tree.advice import Advice

_UNTYPED: Final = ("bash",)
"""Languages whose parameters are texts, whatever type a schema gives them."""
_REMEDY: Final = "update it with `orvanta generate-metadata {file}`"


def code_fault(language: str, content: str) -> tuple[str, Fault] | None:
    """Return code and place of the first reason why code cannot run; None if there is none, or it is not known."""
    line = line_of_conflict(content)
    if line is not None:
        return "conflict_markers", Fault(line, 1, UNRESOLVED)
    fault = syntax_fault(language, content)
    if fault is None:
        return None
    return "syntax_error", Fault(fault.line, fault.column, f"the code cannot be parsed: {fault.message}")


def lock_warning(language: str, content: str, lock: str | None, file: str) -> Advice | None:
    """Return the warning about a lock that lacks packages of its code; None if it has them, or is not used.

    `file`: the file of the script or workflow, for the way out.
    """
    if not lock:
        return None
    try:
        needed = requirements_of(language, content)
    except InvalidScript:  # the deployment reports it
        return None
    missing = [] if needed is None else missing_packages(language, lock, needed)
    if not missing:
        return None
    return "lock_outdated", f"its lock lacks {', '.join(missing)}; {_REMEDY.format(file=file)}"


def schema_warning(language: str, content: str, settings: Mapping[str, Any], file: str) -> Advice | None:
    """Return the warning about a schema that does not fit the signature of its script; None if it does."""
    written = settings.get("schema")
    if not isinstance(written, dict) or not written:
        return None
    inferred = schema_of(language, content)
    if inferred is None:
        return None
    keep, typed = accepts_any(language, content), language not in _UNTYPED
    found = outdated_inputs(written, inferred, keep_others=keep, typed=typed)
    if not found:
        return None
    differences = ", ".join(found.values())
    return "schema_outdated", f"its schema is not that of the code: {differences}; {_REMEDY.format(file=file)}"
