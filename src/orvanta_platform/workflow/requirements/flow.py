"""Scripts inside a workflow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_DATA: Final = frozenset({"input_transforms", "mock", "schema", "form", "resume_form", "ui"})
"""Keys that contain data, which is not searched for scripts."""


@dataclass(frozen=True, slots=True)
class InlineScript:
    """Rawscript without a lock: the id of its node, its language and its code."""

    node: str
    language: str
    content: str


def inline_scripts(tree: dict[str, Any]) -> list[InlineScript]:
    """Return the scripts without locks in the tree of a workflow, in document order."""
    return [
        InlineScript(node, str(value.get("language")), value["content"])
        for node, value in rawscripts(tree)
        if isinstance(value.get("content"), str) and not value.get("lock")
    ]


def rawscripts(tree: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (node id, value) of every inline script of a workflow, including tools of agents."""
    pending: list[tuple[str, Any]] = [("", tree)]
    while pending:
        node, value = pending.pop()
        if isinstance(value, list):
            pending += [("", item) for item in reversed(value)]
        elif isinstance(value, dict) and value.get("type") == "rawscript":
            yield node, value
        elif isinstance(value, dict):
            owner_id = value.get("id")
            owner_id = owner_id if isinstance(owner_id, str) else node
            pending += [(owner_id, value[name]) for name in reversed(value) if name not in _DATA]
