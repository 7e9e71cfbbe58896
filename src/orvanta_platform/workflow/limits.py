"""Bounds of a document."""

from __future__ import annotations

from typing import Final

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow.diagnostics import refusal

MAX_BYTES: Final = 10 * 1024 * 1024
"""Bytes of source, and of what YAML aliases make of it."""

MAX_LEVELS: Final = 200
"""Objects and arrays inside one another, the outermost counted."""

MAX_NODES: Final = 5_000
"""Nodes of all lists together."""


def too_large() -> InvalidWorkflow:
    """The error of a document over MAX_BYTES."""
    return refusal("document_too_large", f"the document is larger than {MAX_BYTES // 1024**2} MB")


def too_deep() -> InvalidWorkflow:
    """The error of a document over MAX_LEVELS."""
    return refusal("document_too_deep", f"the document is nested deeper than {MAX_LEVELS} levels")
