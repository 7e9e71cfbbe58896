"""Scripts inside a workflow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from orvanta_platform.workflow.diagnostics import pointer
from orvanta_platform.workflow.requirements.lock_text import usable_lock

_DATA: Final = frozenset({"input_transforms", "mock", "schema", "form", "resume_form", "ui"})
"""Keys that contain data, which is not searched for scripts."""
_FIXED: Final = {"/value/failure_module": "failure", "/value/preprocessor_module": "preprocessor"}
"""Ids of nodes that need not contain them, by place; another id in the document is ignored."""


class InlineScript(msgspec.Struct, frozen=True):
    """Rawscript without a usable lock: the id of its node, its language and its code."""

    node: str
    language: str
    content: str


def inline_scripts(tree: dict[str, Any]) -> list[InlineScript]:
    """Return the scripts without usable locks in the tree of a workflow, in document order."""
    return [
        InlineScript(node, str(value.get("language")), value["content"])
        for node, value in rawscripts(tree)
        if isinstance(value.get("content"), str) and lock_of(value) is None
    ]


def lock_of(value: dict[str, Any]) -> str | None:
    """Return the lock of an inline script; None if it has none that can be used."""
    language, lock = value.get("language"), value.get("lock")
    return usable_lock(language, lock) if isinstance(language, str) and isinstance(lock, str) else None


def rawscripts(tree: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (node id, value) of every inline script of a workflow, including tools of agents."""
    for node, _, value in placed_rawscripts(tree):
        yield node, value


def placed_rawscripts(tree: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (node id, JSON pointer, value) of every inline script of a workflow, including tools of agents."""
    pending: list[tuple[str, str, Any]] = [("", "", tree)]
    while pending:
        node, at, value = pending.pop()
        if isinstance(value, list):
            pending += [("", f"{at}/{index}", item) for index, item in reversed([*enumerate(value)])]
        elif isinstance(value, dict) and value.get("type") == "rawscript":
            yield node, at, value
        elif isinstance(value, dict):
            owner_id = _FIXED.get(at, value.get("id"))
            owner_id = owner_id if isinstance(owner_id, str) else node
            pending += [(owner_id, pointer(at, name), value[name]) for name in reversed(value) if name not in _DATA]
