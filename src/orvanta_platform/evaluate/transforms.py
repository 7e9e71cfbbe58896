"""Transforms of the artifact: static values, and what expressions in them read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.small import Answer
from orvanta_platform.workflow.expressions import Path, names, parse_small
from orvanta_platform.workflow.reads import mentions_opener, names_of_text

NOT_SUPPORTED: Final = "ExpressionNotSupported"
"""Name of the error of an input that has no value in this version."""


def static_answer(transform: Any) -> Answer:
    """The value of a Transform tree that is no expression, or of what is no Transform. Raises ExpressionError."""
    match transform:
        case {"type": "ai"}:
            raise ExpressionError(NOT_SUPPORTED, "an input that an AI agent fills has no value here")
        case {"type": "static"}:
            value = transform.get("value")
        case _:
            value = transform
    return Answer(dump(value), isinstance(value, (dict, list)) or bool(value))


def text_names(text: str) -> dict[str, frozenset[str] | None]:
    """What an expression may read: of each root the first members, None for the whole."""
    expr = parse_small(text)
    return names_of_text(text) if expr is None else names(expr)


def transform_names(transform: Any) -> dict[str, frozenset[str] | None]:
    """What a Transform tree reads of the scope; {} for nothing."""
    match transform:
        case {"type": "javascript", "expr": str(text)}:
            return text_names(text)
    return {}


def input_names(transforms: Mapping[str, Any] | None) -> dict[str, frozenset[str] | None]:
    """What all inputs of a node read together."""
    found: dict[str, frozenset[str] | None] = {}
    for transform in (transforms or {}).values():
        _join(found, transform_names(transform))
    return found


def tree_names(tree: Any) -> dict[str, frozenset[str] | None]:
    """What all expressions and messages anywhere in a node's tree read together."""
    found: dict[str, frozenset[str] | None] = {}
    left = [tree]
    while left:
        match left.pop():
            case dict() as fields:
                left += fields.values()
                for key in ("expr", "message"):
                    if isinstance(text := fields.get(key), str):
                        _join(found, text_names(text))
            case list() as items:
                left += items
    return found


_PASSING_ON: Final = frozenset({"identity", "delay", "branchone"})


def passes_on(tree: Any) -> bool:
    """Whether something in a node's tree may give its previous_result without an expression that says so."""
    match tree:
        case {"type": str(kind), **_fields} if kind in _PASSING_ON:
            return True
        case {"modules": []} | {"skip_if": {}}:
            return True
        case dict() as fields:
            return any(map(passes_on, fields.values()))
        case list() as items:
            return any(map(passes_on, items))
    return False


def _join(found: dict[str, frozenset[str] | None], more: Mapping[str, frozenset[str] | None]) -> None:
    for root, members in more.items():
        before = found.get(root, frozenset())
        found[root] = None if before is None or members is None else before | members


class Provenance(NamedTuple):
    """Inputs whose value is not computed and may therefore refer to variables and resources.

    `literals`: names of inputs that are literals of the document. `arguments`: inputs that pass on an argument of the
    run, or a part of one, unchanged: name of the input → name of the argument.
    """

    literals: frozenset[str]
    arguments: Mapping[str, str]


def provenance_of(transforms: Mapping[str, Any]) -> Provenance:
    """The provenance of a node's inputs. A path into `flow_env` leads to a literal, one into results does not."""
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
    """JSON object text of inputs of which none is an expression; None where one is, or has no value."""
    if any(isinstance(each, dict) and each.get("type") in ("javascript", "ai") for each in transforms.values()):
        return None
    return object_text({name: static_answer(transform).raw for name, transform in transforms.items()})


def object_text(fields: Mapping[str, bytes]) -> bytes:
    """A JSON object of these names and JSON texts."""
    parts = [part for name, raw in fields.items() for part in (b",", dump(name), b":", raw)]
    # One join: a field may be large.
    return b"".join((b"{", *parts[1:], b"}"))


def opens(source: Any) -> bool:
    """Whether an expression, or a Transform tree, may open a variable or a resource."""
    match source:
        case str() as text:
            return parse_small(text) is None and mentions_opener(text)
        case {"type": "javascript", "expr": str(text)}:
            return opens(text)
    return False


def dump(value: Any) -> bytes:
    """JSON text of a value of a document."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
