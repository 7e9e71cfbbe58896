"""Transforms of the artifact: static values, and the names that their expressions read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.raw import is_value
from orvanta_platform.evaluate.small import ExpressionValue
from orvanta_platform.workflow.expressions import Path, names, parse_small
from orvanta_platform.workflow.reads import mentions_opener, names_of_text

NOT_SUPPORTED: Final = "ExpressionNotSupported"
"""Name of the error of an input that has no value in this version."""


def evaluate_static(transform: Any) -> ExpressionValue:
    """Return the value of a Transform tree without expression, or of a plain value. Raises ExpressionError."""
    match transform:
        case {"type": "ai"}:
            raise ExpressionError(NOT_SUPPORTED, "an input filled by an AI agent has no value here")
        case {"type": "static"}:
            value = transform.get("value")
        case _:
            value = transform
    return ExpressionValue(dump(value), isinstance(value, (dict, list)) or bool(value))


def text_names(text: str) -> dict[str, frozenset[str] | None]:
    """Return the names that an expression may read: for each root the first members, None for the whole root."""
    expr = parse_small(text)
    return names_of_text(text) if expr is None else names(expr)


def transform_names(transform: Any) -> dict[str, frozenset[str] | None]:
    """Return the names that a Transform tree reads from the scope; {} for none."""
    match transform:
        case {"type": "javascript", "expr": str(text)}:
            return text_names(text)
    return {}


def input_names(transforms: Mapping[str, Any] | None) -> dict[str, frozenset[str] | None]:
    """Return the names that all inputs of a node read together."""
    found: dict[str, frozenset[str] | None] = {}
    for transform in (transforms or {}).values():
        _join(found, transform_names(transform))
    return found


def tree_names(tree: Any) -> dict[str, frozenset[str] | None]:
    """Return the names that all expressions and messages anywhere in a node's tree read together."""
    found: dict[str, frozenset[str] | None] = {}
    stack = [tree]
    while stack:
        match stack.pop():
            case dict() as fields:
                stack += fields.values()
                for key in ("expr", "message"):
                    if isinstance(text := fields.get(key), str):
                        _join(found, text_names(text))
            case list() as items:
                stack += items
    return found


_PASSING_KINDS: Final = frozenset({"identity", "delay", "branchone"})


def passes_previous_result(tree: Any) -> bool:
    """Return whether a node in the tree may use previous_result without an expression that names it."""
    match tree:
        case {"type": str(kind), **_fields} if kind in _PASSING_KINDS:
            return True
        case {"modules": []} | {"skip_if": {}}:
            return True
        case dict() as fields:
            return any(map(passes_previous_result, fields.values()))
        case list() as items:
            return any(map(passes_previous_result, items))
    return False


def _join(found: dict[str, frozenset[str] | None], more: Mapping[str, frozenset[str] | None]) -> None:
    for root, members in more.items():
        before = found.get(root, frozenset())
        found[root] = None if before is None or members is None else before | members


class Provenance(NamedTuple):
    """Inputs whose value is not computed and may therefore refer to variables and resources."""

    literals: frozenset[str]
    """Names of inputs that are literals of the document."""
    arguments: Mapping[str, str]
    """Name of the input → name of the run's argument, for inputs that pass an argument, or part of one, unchanged."""


def provenance_of(transforms: Mapping[str, Any]) -> Provenance:
    """Return the provenance of a node's inputs. A path into `flow_env` is a literal, one into results is not."""
    literals: list[str] = []
    arguments: dict[str, str] = {}
    for name, transform in transforms.items():
        match transform:
            case {"type": "javascript", "expr": str(text)}:
                match parse_small(text):
                    case Path("flow_input", (first, *_)):
                        arguments[name] = first.key
                    case Path("flow_env", (_, *_)):
                        literals.append(name)
            case _:
                literals.append(name)
    return Provenance(frozenset(literals), arguments)


def constant_inputs(transforms: Mapping[str, Any]) -> bytes | None:
    """Return inputs without expressions as JSON object text; None if one is an expression or has no value."""
    if any(isinstance(each, dict) and each.get("type") in ("javascript", "ai") for each in transforms.values()):
        return None
    return object_text({name: evaluate_static(transform).raw for name, transform in transforms.items()})


def object_text(fields: Mapping[str, bytes]) -> bytes:
    """Return a JSON object of these names and JSON texts.

    Raises ExpressionError for a text that is not one JSON value: it could contain further members.
    """
    for name, raw in fields.items():
        if not is_value(raw):
            raise ExpressionError("ResultNotJson", f"the value of {name!r} is not JSON")
    parts = [part for name, raw in fields.items() for part in (b",", dump(name), b":", raw)]
    # A single join, since a field may be large.
    return b"".join((b"{", *parts[1:], b"}"))


def may_open(source: Any) -> bool:
    """Return whether an expression, or a Transform tree, may open a variable or a resource."""
    match source:
        case str() as text:
            return parse_small(text) is None and mentions_opener(text)
        case {"type": "javascript", "expr": str(text)}:
            return may_open(text)
    return False


def dump(value: Any) -> bytes:
    """Return a value of a document as JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
