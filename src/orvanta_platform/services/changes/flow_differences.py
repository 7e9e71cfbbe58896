"""Differences between contents of a workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import document
from orvanta_platform.workflow.diff import Difference, compare
from orvanta_platform.workflow.tree.item import Kind


def difference_of(kind: Kind, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Difference | None:
    """Return the difference of a workflow that exists; None for other items, and if a document cannot be parsed."""
    if kind != "flow" or before is None or after is None:
        return None
    try:
        old, new = (document.parse(each["text"].encode(), "yaml").tree for each in (before, after))
    except InvalidWorkflow:
        return None
    return compare(old, new)
