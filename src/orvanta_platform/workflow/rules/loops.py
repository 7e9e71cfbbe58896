"""Warnings about loops over values that are no lists, and about items of loops that are read outside of loops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.expressions import Path, parse_small
from orvanta_platform.workflow.kinds import LOOPS
from orvanta_platform.workflow.subject import Subject, Use, diagnostic

_OBJECTS: Final = frozenset({"flow_input", "results"})
"""Names of the scope whose values are objects."""


def loops(subject: Subject) -> Iterator[Diagnostic]:
    """loop_without_list, iter_outside_loop."""
    for listed in subject.listed_nodes:
        iterator = listed.node.value.get("iterator")
        if listed.node.kind == "forloopflow" and isinstance(iterator, dict) and _is_no_list(subject, iterator):
            path = f"{listed.path}/value/iterator"
            yield diagnostic("loop_without_list", "warning", listed, path, "the loop needs a list")
    if _has_own_iter(subject):
        return
    for use in subject.uses:
        if "iter" in (use.reads.get("flow_input") or ()) and not _is_in_loop(subject, use):
            message = f"flow_input.iter in {use.path} is not set: it exists only inside loops"
            yield diagnostic("iter_outside_loop", "warning", use.listed, use.path, message)


def _has_own_iter(subject: Subject) -> bool:
    """Return whether the input of the workflow may have a member `iter`: a declared one, or one of a preprocessor."""
    declared = _definition_of_input(subject.document.get("schema"), "iter")
    return subject.graph.preprocessor is not None or declared is not None


def _is_in_loop(subject: Subject, use: Use) -> bool:
    if use.listed is None or use.listed.list_index is None:
        return False
    # What a loop evaluates after an iteration belongs to that iteration.
    if use.own and use.listed.node.kind in LOOPS:
        return True
    return any(holder.kind in LOOPS for holder in subject.graph.holders(use.listed.list_index))


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
    definition = _definition_of_input(schema, name)
    return definition.get("type") if isinstance(definition, dict) else None


def _definition_of_input(schema: Any, name: str) -> Any:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return properties.get(name) if isinstance(properties, dict) else None
