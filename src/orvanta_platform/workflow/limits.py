"""Bounds of a document."""

from __future__ import annotations

from typing import Final

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow.diagnostics import refusal

MAX_BYTES: Final = 10 * 1024 * 1024
"""Bytes of source, and of what YAML aliases make of it."""

MAX_YAML_CHARS: Final = 512 * 1024
"""Characters of YAML source that a caller sends."""

MAX_YAML_EVENTS: Final = 20_000
"""Beginnings and ends of objects and arrays, keys and values of YAML that a caller sends; more where they are deep."""

MAX_JSON_MARKS: Final = 600_000
"""Commas and opening brackets of JSON source, in texts too: one call of the parser reads all of it."""

MAX_LEVELS: Final = 200
"""Objects and arrays inside one another, the outermost counted."""

MAX_NODES: Final = 5_000
"""Nodes of all lists together."""


def too_large() -> InvalidWorkflow:
    """The error of a document over MAX_BYTES."""
    return refusal("document_too_large", f"the document is larger than {MAX_BYTES // 1024**2} MB")


def too_much_yaml() -> InvalidWorkflow:
    """The error of YAML that takes too long to read."""
    return refusal(
        "document_too_large",
        f"the YAML has more than {MAX_YAML_CHARS:,} characters or {MAX_YAML_EVENTS:,} keys, values and brackets; "
        "JSON may be larger",
    )


def too_many_values() -> InvalidWorkflow:
    """The error of JSON over MAX_JSON_MARKS."""
    return refusal("document_too_large", f"the JSON has more than {MAX_JSON_MARKS:,} commas and brackets")


def too_deep() -> InvalidWorkflow:
    """The error of a document over MAX_LEVELS."""
    return refusal("document_too_deep", f"the document is nested deeper than {MAX_LEVELS} levels")
