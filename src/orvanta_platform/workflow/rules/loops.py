"""Warnings about loops over values that are no lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.expressions import Path, parse_small
from orvanta_platform.workflow.subject import Subject, diagnostic

_OBJECTS: Final = frozenset({"flow_input", "results"})
"""Names of the scope whose values are objects."""


def loops(subject: Subject) -> Iterator[Diagnostic]:
    """loop_without_list."""
    for listed in subject.listed_nodes:
        iterator = listed.node.value.get("iterator")
        if listed.node.kind == "forloopflow" and isinstance(iterator, dict) and _is_no_list(subject, iterator):
            path = f"{listed.path}/value/iterator"
            yield diagnostic("loop_without_list", "warning", listed, path, "the loop needs a list")


def _is_no_list(subject: Subject, iterator: Mapping[str, Any]) -> bool:
    """Return True if the value of an iterator is known and is no list. A text may be a reference to a list."""
    if iterator.get("type") == "static":
        return isinstance(iterator.get("value"), dict | int | float)
    expr = iterator.get("expr")
    path = parse_small(expr) if isinstance(expr, str) else None
    if not isinstance(path, Path) or path.root not in _OBJECTS:
        return False
    if not path.steps:
        return True
    # A preprocessor replaces the input that the schema describes.
    if path.root != "flow_input" or len(path.steps) > 1 or subject.value.get("preprocessor_module"):
        return False
    declared = _type_of_input(subject.document.get("schema"), path.steps[0].key)
    return isinstance(declared, str) and declared != "array"


def _type_of_input(schema: Any, name: str) -> Any:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    definition = properties.get(name) if isinstance(properties, dict) else None
    return definition.get("type") if isinstance(definition, dict) else None
