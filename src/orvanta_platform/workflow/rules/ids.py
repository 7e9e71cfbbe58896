"""Ids of nodes: their pattern, uniqueness over the whole document, reserved words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.subject import ListedNode, Subject, diagnostic

_ID: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_RESERVED: Final = frozenset({"failure", "preprocessor", "Input"})
_ALONE: Final = {"/failure_module": "failure", "/preprocessor_module": "preprocessor"}


def ids(subject: Subject) -> Iterator[Diagnostic]:
    """invalid_id, reserved_id, duplicate_id; module_id where a module that stands alone has another id."""
    first: dict[str, str] = {}
    for place, path, node_id in _named(subject):
        path = f"{path}/id"
        alone = _ALONE.get(place.node.path) if path == f"{place.path}/id" else None
        if alone is not None:
            if node_id != alone:
                message = f"its id is always {alone}, {node_id!r} is not used"
                yield diagnostic("module_id", "warning", place, path, message)
            continue
        if not _ID.fullmatch(node_id):
            message = f"the id {node_id!r} must be letters, digits, _ or -, begin with no digit or -, and be "
            yield diagnostic("invalid_id", "error", place, path, f"{message}1 to 64 characters long")
        elif node_id in _RESERVED:
            yield diagnostic("reserved_id", "error", place, path, f"the id {node_id} is reserved")
        elif node_id in first:
            message = f"the id {node_id} is also that of {first[node_id]}"
            yield diagnostic("duplicate_id", "error", place, path, message)
        first.setdefault(node_id, path.removesuffix("/id"))


def _named(subject: Subject) -> Iterator[tuple[ListedNode, str, str]]:
    """(place, JSON pointer, id) of every node and every tool of an agent; a missing id is the grammar's."""
    for place in subject.places:
        if isinstance(place.node.tree.get("id"), str):
            yield place, place.path, place.node.id
        tools: Any = place.node.value.get("tools") if place.node.kind == "aiagent" else None
        for position, tool in enumerate(tools if isinstance(tools, list) else ()):
            if isinstance(tool, dict) and isinstance(tool.get("id"), str):
                yield place, f"{place.path}/value/tools/{position}", tool["id"]
