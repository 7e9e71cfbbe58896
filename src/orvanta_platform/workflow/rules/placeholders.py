"""Warnings about what an import left: parts that were not converted, and fail when they run."""

from __future__ import annotations

from collections.abc import Iterator

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.importers.node_values import is_placeholder
from orvanta_platform.workflow.subject import Subject, diagnostic


def placeholders(subject: Subject) -> Iterator[Diagnostic]:
    """not_converted."""
    for use in subject.uses:
        if is_placeholder(use.text):
            message = "a part of the expression was not converted, and fails when it is evaluated"
            yield diagnostic("not_converted", "warning", use.listed, use.path, message)
    for listed in subject.listed_nodes:
        if listed.node.kind == "rawscript" and is_placeholder(str(listed.node.value.get("content"))):
            message = "it was not converted, and fails when it runs; its code holds the old settings"
            yield diagnostic("not_converted", "warning", listed, f"{listed.path}/value/content", message)
