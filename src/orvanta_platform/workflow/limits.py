"""Size limits of a document."""

from __future__ import annotations

from typing import Any, Final

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow.diagnostics import refusal

MAX_BYTES: Final = 10 * 1024 * 1024
"""Maximum size of the source, and of its expansion by YAML aliases, in bytes."""

MAX_YAML_CHARS: Final = 512 * 1024
"""Maximum number of characters of YAML source sent by a caller."""

MAX_YAML_EVENTS: Final = 20_000
"""Maximum number of parser events (starts and ends of collections, keys and values) of YAML sent by a caller.

Deeply nested events count more than once.
"""

YAML_LEVELS_PER_COST: Final = 80
"""Nesting levels that increase the cost of an event by one."""

MAX_REPEATED_VALUES: Final = 20_000
"""Maximum number of values that the aliases of YAML sent by a caller repeat: a few hundred characters can stand for
millions of values, each of which is checked.
"""

MAX_JSON_MARKS: Final = 600_000
"""Maximum number of commas and opening brackets in JSON source, including strings; the parser reads it in one call."""

MAX_LEVELS: Final = 200
"""Maximum nesting depth of objects and arrays, including the outermost."""

MAX_NODES: Final = 5_000
"""Maximum number of nodes in all lists together."""

MAX_FORM_BYTES: Final = 100_000
"""Maximum size of the form of an approval in bytes of JSON, without and with its inputs."""

MAX_APPROVAL_INPUT_BYTES: Final = 64 << 10
"""Maximum size of all inputs of an approval node that approvers see, in bytes of JSON."""


def too_large() -> InvalidWorkflow:
    """Return the error for a document over MAX_BYTES."""
    return refusal("document_too_large", f"the document is larger than {MAX_BYTES // 1024**2} MB")


def too_much_yaml() -> InvalidWorkflow:
    """Return the error for YAML that takes too long to parse."""
    return refusal(
        "document_too_large",
        f"the YAML has more than {MAX_YAML_CHARS:,} characters or {MAX_YAML_EVENTS:,} keys, values and brackets; "
        "JSON may be larger",
    )


def too_many_repetitions() -> InvalidWorkflow:
    """Return the error for YAML whose aliases repeat more than MAX_REPEATED_VALUES."""
    return refusal("document_too_large", f"the aliases of the YAML repeat more than {MAX_REPEATED_VALUES:,} values")


def too_many_values() -> InvalidWorkflow:
    """Return the error for JSON over MAX_JSON_MARKS."""
    return refusal("document_too_large", f"the JSON has more than {MAX_JSON_MARKS:,} commas and brackets")


def too_deep() -> InvalidWorkflow:
    """Return the error for a document over MAX_LEVELS."""
    return refusal("document_too_deep", f"the document is nested deeper than {MAX_LEVELS} levels")


def require_writable(value: Any) -> None:
    """Raise InvalidWorkflow for a value whose YAML exceeds the limits of YAML that a caller sends."""
    if not is_writable(value):
        raise too_much_yaml()


def is_writable(value: Any) -> bool:
    """Return whether the YAML of a value is within the limits of YAML that a caller sends.

    Indentation, quotes and escapes, which count among its characters, are not considered.
    """
    events, chars = 4, 0  # starts and ends of the stream and of its document
    pending = [(value, 0)]
    while pending:
        each, level = pending.pop()
        if isinstance(each, dict):
            events += _cost(level + 1) * (1 + len(each)) + _cost(level)
            chars += sum(map(len, each))
            pending += [(member, level + 1) for member in each.values()]
        elif isinstance(each, list):
            events += _cost(level + 1) + _cost(level)
            pending += [(member, level + 1) for member in each]
        else:
            events += _cost(level)
            chars += len(each) if isinstance(each, str) else 0
        if events > MAX_YAML_EVENTS or chars > MAX_YAML_CHARS:
            return False
    return True


def _cost(level: int) -> int:
    """Return the number of events that one at a nesting level counts as."""
    return 1 + level // YAML_LEVELS_PER_COST
