"""Conditions of the nodes IF, Switch and Filter of n8n as JavaScript."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from orvanta_platform.workflow.importers.findings import record, records
from orvanta_platform.workflow.importers.n8n_expressions import ExpressionContext, is_expression
from orvanta_platform.workflow.importers.node_values import literal, throwing

_TEXT: Final = {
    "equals": "{a} === {b}",
    "contains": "String({a} ?? '').includes({b})",
    "startsWith": "String({a} ?? '').startsWith({b})",
    "endsWith": "String({a} ?? '').endsWith({b})",
    "regex": "{b}.test(String({a} ?? ''))",
}
_NUMBER: Final = {
    "equals": "Number({a}) === Number({b})",
    "gt": "Number({a}) > Number({b})",
    "gte": "Number({a}) >= Number({b})",
    "lt": "Number({a}) < Number({b})",
    "lte": "Number({a}) <= Number({b})",
}
_BOOLEAN: Final = {"true": "{a} === true", "false": "{a} === false", "equals": "{a} === {b}"}
_ARRAY: Final = {
    "contains": "({a} ?? []).includes({b})",
    "lengthEquals": "({a} ?? []).length === Number({b})",
    "lengthGt": "({a} ?? []).length > Number({b})",
    "lengthGte": "({a} ?? []).length >= Number({b})",
    "lengthLt": "({a} ?? []).length < Number({b})",
    "lengthLte": "({a} ?? []).length <= Number({b})",
}
_DATE: Final = {
    "equals": "new Date({a}).getTime() === new Date({b}).getTime()",
    "after": "new Date({a}) > new Date({b})",
    "before": "new Date({a}) < new Date({b})",
    "afterOrEquals": "new Date({a}) >= new Date({b})",
    "beforeOrEquals": "new Date({a}) <= new Date({b})",
}
_ANY: Final = {
    "exists": "{a} != null",
    "empty": "({a} == null || {a} === '' || (typeof {a} === 'object' && Object.keys({a}).length === 0))",
}
_OPERATIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "string": {**_ANY, **_TEXT},
    "number": {**_ANY, **_NUMBER},
    "boolean": {**_ANY, **_BOOLEAN},
    "array": {**_ANY, **_ARRAY},
    "dateTime": {**_ANY, **_DATE},
    "object": _ANY,
    "any": {**_ANY, "equals": "{a} === {b}"},
}
_OLD: Final = {
    "equal": "equals",
    "notEqual": "notEquals",
    "isEmpty": "empty",
    "isNotEmpty": "notEmpty",
    "smaller": "lt",
    "smallerEqual": "lte",
    "larger": "gt",
    "largerEqual": "gte",
}
_NEGATED: Final = {"lengthNotEquals": "lengthEquals"}
_FORM: Final = r"/^\/(.*)\/([gimsuy]*)$/s"
_DELIMITED: Final = re.compile(r"/(.*)/([gimsuy]*)", re.DOTALL)
_FOLDED: Final = frozenset({"equals", "contains", "startsWith", "endsWith"})


def condition(context: ExpressionContext, found: Any, combine: Any = None, *, folded: bool = False) -> str:
    """Return the conditions of a node as one expression that is a boolean.

    `found` is the parameter `conditions`, in the form of the current or of the first version of these nodes; `folded`
    ignores the case of texts.
    """
    if not isinstance(found, dict):
        return _unknown(context, f"conditions {found!r}")
    if isinstance(found.get("conditions"), list):
        folded = folded or record(found.get("options")).get("caseSensitive") is False
        parts = [_comparison(context, each, folded=folded) for each in found["conditions"]]
        return _joined(parts, found.get("combinator") == "or")
    parts = []
    for kind, rows in found.items():
        for row in records(rows):
            name = str(row.get("operation") or ("equal" if kind != "number" else "smaller"))
            parts.append(compare(context, kind, _OLD.get(name, name), row.get("value1"), row.get("value2")))
    return _joined(parts, combine == "any")


def _joined(parts: list[str], any: bool) -> str:
    return f"({(' || ' if any else ' && ').join(parts)})" if parts else str(not any).lower()


def _comparison(context: ExpressionContext, row: Any, *, folded: bool) -> str:
    row = record(row)
    operator = row.get("operator")
    kind, name = "string", "equals"
    if isinstance(operator, dict):
        kind, name = str(operator.get("type", "string")), str(operator.get("operation", "equals"))
    elif isinstance(operator, str):
        name = _OLD.get(operator, operator)
    return compare(context, kind, name, row.get("leftValue"), row.get("rightValue"), folded=folded)


def compare(context: ExpressionContext, kind: str, name: str, left: Any, right: Any, *, folded: bool = False) -> str:
    """Return a comparison of two parameters. One without an equivalent is reported."""
    plain = _NEGATED.get(name, name)
    negated = plain != name
    known = _OPERATIONS.get(kind, {})
    if plain not in known and plain.startswith("not"):
        plain, negated = plain[3].lower() + plain[4:], True
    pattern = known.get(plain)
    if pattern is None:
        return _unknown(context, f"{kind} {name}")
    a, b = context.expr(left), context.expr(right)
    if folded and kind == "string" and plain in _FOLDED:
        a, b = f"String({a} ?? '').toLowerCase()", f"String({b} ?? '').toLowerCase()"
    if plain == "regex":
        b = _regular_expression(right, b)
    test = pattern.format(a=a, b=b)
    return f"!({test})" if negated else f"({test})"


def _regular_expression(value: Any, written: str) -> str:
    """Return the regular expression of a parameter, which may be a pattern or have the form `/pattern/flags`."""
    if is_expression(value):
        made = "found ? new RegExp(found[1], found[2]) : new RegExp(text)"
        return f"(text => (found => {made})({_FORM}.exec(text)))({written})"
    found = _DELIMITED.fullmatch(str(value))
    return f"new RegExp({literal(found[1])}, {literal(found[2])})" if found else f"new RegExp({written})"


def _unknown(context: ExpressionContext, text: str) -> str:
    context.report.add(
        context.node,
        "not_converted",
        f"The comparison {text} has no equivalent.",
        "Write the condition as an expression; until then the node fails.",
    )
    return throwing(text)
