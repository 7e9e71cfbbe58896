"""A node's inputs: transforms of the artifact evaluated to JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from orvanta_platform.evaluate.errors import ExpressionError, NeedsJavaScript
from orvanta_platform.evaluate.small import Answer, Scope, evaluate
from orvanta_platform.workflow.expressions import Expr, names, parse_small

NOT_SUPPORTED = "ExpressionNotSupported"
"""Name of the error of an expression that needs the JavaScript evaluator."""


def evaluate_expression(text: str, scope: Scope) -> Answer:
    """The value of an expression. Raises ExpressionError: `NOT_SUPPORTED` beyond the small language."""
    expr = parse_small(text)
    if expr is None:
        _refuse(text)
    try:
        return evaluate(expr, scope)
    except NeedsJavaScript:
        _refuse(text)


def _refuse(text: str) -> NoReturn:
    shown = text if len(text) <= 80 else text[:79] + "…"
    raise ExpressionError(NOT_SUPPORTED, f"{shown!r} needs the JavaScript evaluator, which this version does not have")


def evaluate_transform(transform: Any, scope: Scope) -> Answer:
    """The value of a Transform tree: {type: static, value?} or {type: javascript, expr}.

    Anything that is no Transform is taken as the static value itself. Raises ExpressionError.
    """
    match transform:
        case {"type": "javascript", "expr": str(text)}:
            return evaluate_expression(text, scope)
        case {"type": "ai"}:
            raise ExpressionError(NOT_SUPPORTED, "an input that an AI agent fills has no value here")
        case {"type": "static"}:
            value = transform.get("value")
        case _:
            value = transform
    return Answer(_dump(value), _static_truthy(value))


def evaluate_inputs(transforms: Mapping[str, Any] | None, scope: Scope) -> bytes:
    """JSON object text of a node's inputs, undefined ones null.

    Raises ExpressionError; its message names the input.
    """
    parts: list[bytes] = []
    for name, transform in (transforms or {}).items():
        try:
            answer = evaluate_transform(transform, scope)
        except ExpressionError as error:
            raise ExpressionError(error.name, f"input {name!r}: {error.message}") from None
        parts.append(_dump(name) + b":" + answer.raw)
    return b"{%s}" % b",".join(parts)


def transform_names(transform: Any) -> dict[str, frozenset[str] | None]:
    """What a Transform tree reads of the scope (see `workflow.expressions.names`); {} for nothing."""
    match transform:
        case {"type": "javascript", "expr": str(text)}:
            expr: Expr | None = parse_small(text)
            return {} if expr is None else names(expr)
    return {}


def input_names(transforms: Mapping[str, Any] | None) -> dict[str, frozenset[str] | None]:
    """What all inputs of a node read together."""
    found: dict[str, frozenset[str] | None] = {}
    for transform in (transforms or {}).values():
        for root, members in transform_names(transform).items():
            before = found.get(root, frozenset())
            found[root] = None if before is None or members is None else before | members
    return found


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _static_truthy(value: Any) -> bool:
    return isinstance(value, (dict, list)) or bool(value)
