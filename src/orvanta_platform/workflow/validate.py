"""Validation of documents, shared by the API, the command line and the editor. No user code runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.graph import build
from orvanta_platform.workflow.limits import MAX_NODES
from orvanta_platform.workflow.normal import normalise
from orvanta_platform.workflow.rules.advice import advice
from orvanta_platform.workflow.rules.context import context
from orvanta_platform.workflow.rules.edges import edges
from orvanta_platform.workflow.rules.ids import ids
from orvanta_platform.workflow.rules.joins import joins
from orvanta_platform.workflow.rules.loops import loops
from orvanta_platform.workflow.rules.nodes import calls, forms, webhooks
from orvanta_platform.workflow.rules.placeholders import placeholders
from orvanta_platform.workflow.rules.reach import reach
from orvanta_platform.workflow.subject import VALUE_PATH, Subject, Use, read
from orvanta_platform.workflow.support import support

_RULES: Final[tuple[Callable[[Subject], Iterable[Diagnostic]], ...]] = (
    ids,
    edges,
    joins,
    reach,
    context,
    webhooks,
    forms,
    calls,
    loops,
    advice,
    placeholders,
    support,
)


class Examination(msgspec.Struct, frozen=True):
    """Result of an examination."""

    diagnostics: list[Diagnostic]
    javascript: list[Use] = msgspec.field(default_factory=list)
    """Expressions whose syntax a JavaScript engine still has to check."""
    value: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Normal form of the document's `value`; empty if it is no object or too large to be checked."""


def validate(document: Mapping[str, Any]) -> list[Diagnostic]:
    """Return all diagnostics of {summary?, value, schema?, …}, in its tolerant or its normal form; errors first.

    A document with errors cannot be deployed.
    """
    return examine(document).diagnostics


def examine(document: Mapping[str, Any]) -> Examination:
    """Return the diagnostics of `validate`, and the expressions that it cannot check."""
    tree = normalise(document)
    value = tree.get("value")
    if not isinstance(value, dict):
        message = "a workflow needs a value: {modules: […]}"
        return Examination([Diagnostic("missing_key", "error", None, VALUE_PATH, message)])
    graph = build(value)
    count = sum(len(each.nodes) for each in graph.lists)
    if count > MAX_NODES:
        message = f"the workflow has {count} nodes; at most {MAX_NODES} are allowed"
        return Examination([Diagnostic("too_many_nodes", "error", None, f"{VALUE_PATH}/modules", message)])
    subject = read(tree, graph)
    found = [*subject.faults]
    for rule in _RULES:
        found += rule(subject)
    javascript = [use for use in subject.uses if use.expr is None]
    return Examination(sorted(found, key=lambda each: each.severity), javascript, value)
