"""The scripts inside a workflow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_DATA: Final = frozenset({"input_transforms", "mock", "schema", "form", "resume_form", "ui"})
"""What holds values, whatever they look like."""


@dataclass(frozen=True, slots=True)
class InlineScript:
    """A rawscript without a lock of its own: the id of its node, its language and its code."""

    node: str
    language: str
    content: str


def inline_scripts(tree: dict[str, Any]) -> list[InlineScript]:
    """The scripts without locks in the tree of a workflow, in document order."""
    return [
        InlineScript(node, str(value.get("language")), value["content"])
        for node, value in rawscripts(tree)
        if isinstance(value.get("content"), str) and not value.get("lock")
    ]


def rawscripts(tree: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(id of the node, its value) of every script written into a workflow, tools of agents included."""
    pending: list[tuple[str, Any]] = [("", tree)]
    while pending:
        node, value = pending.pop()
        if isinstance(value, list):
            pending += [("", item) for item in reversed(value)]
        elif isinstance(value, dict) and value.get("type") == "rawscript":
            yield node, value
        elif isinstance(value, dict):
            own = value.get("id")
            own = own if isinstance(own, str) else node
            pending += [(own, value[name]) for name in reversed(value) if name not in _DATA]
