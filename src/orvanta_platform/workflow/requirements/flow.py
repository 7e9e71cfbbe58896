"""The scripts inside a workflow that need packages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from orvanta_platform.errors import InvalidScript
from orvanta_platform.workflow.requirements.needs import Requirements, requirements_of

_DATA: Final = frozenset({"input_transforms", "mock", "schema", "form", "resume_form", "ui"})
"""What holds values, whatever they look like."""


@dataclass(frozen=True, slots=True)
class InlineNeed:
    """A rawscript that needs packages and brings no lock of its own: the id of its node, its code, what it needs."""

    node: str
    language: str
    content: str
    requirements: Requirements


def inline_needs(tree: dict[str, Any]) -> list[InlineNeed]:
    """Of a workflow's tree, in document order. Raises InvalidScript."""
    found = []
    for node, value in rawscripts(tree):
        language, content = str(value.get("language")), value.get("content")
        if not isinstance(content, str) or value.get("lock"):
            continue
        try:
            requirements = requirements_of(language, content)
        except InvalidScript as error:
            raise InvalidScript(f"Node {node}: {error.message}", hint=error.hint) from error
        if requirements is not None:
            found.append(InlineNeed(node, language, content, requirements))
    return found


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
