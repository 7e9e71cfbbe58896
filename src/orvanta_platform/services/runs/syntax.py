"""Syntax check of JavaScript expressions at deployment. The engine parses them without running anything."""

from __future__ import annotations

from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.subject import Use, diagnostic
from orvanta_platform.workflow.validate import Examination

_SHOWN = 80


async def diagnostics(evaluator: Evaluator, examined: Examination) -> list[Diagnostic]:
    """Return the diagnostics of a document, with expression_syntax for each invalid expression; errors first.

    Raises EvaluatorUnavailable.
    """
    uses = examined.javascript
    texts = [*dict.fromkeys(use.text for use in uses)]
    read = dict(zip(texts, await evaluator.syntax_errors(texts), strict=True))
    faults = [_fault(use, message) for use in uses if (message := read[use.text]) is not None]
    return sorted([*examined.diagnostics, *faults], key=lambda each: each.severity)


def _fault(use: Use, message: str) -> Diagnostic:
    shown = use.text if len(use.text) <= _SHOWN else f"{use.text[: _SHOWN - 1]}…"
    return diagnostic("expression_syntax", "error", use.listed, use.path, f"{shown!r} cannot be parsed: {message}")
