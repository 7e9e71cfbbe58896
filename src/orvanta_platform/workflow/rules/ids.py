"""Ids of nodes: their pattern, uniqueness in the whole document, and reserved words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.subject import ListedNode, Subject, diagnostic

_ID: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_RESERVED: Final = frozenset({"failure", "preprocessor", "Input"})
_FIXED: Final = {"/failure_module": "failure", "/preprocessor_module": "preprocessor"}


def ids(subject: Subject) -> Iterator[Diagnostic]:
    """invalid_id, reserved_id, duplicate_id; module_id if a module with a fixed id has another one."""
    first: dict[str, str] = {}
    for listed, path, node_id in _named(subject):
        path = f"{path}/id"
        fixed = _FIXED.get(listed.node.path) if path == f"{listed.path}/id" else None
        if fixed is not None:
            if node_id != fixed:
                message = f"its id is always {fixed}; {node_id!r} is ignored"
                yield diagnostic("module_id", "warning", listed, path, message)
            continue
        if not _ID.fullmatch(node_id):
            message = f"the id {node_id!r} must be 1 to 64 letters, digits, _ or -, and not start with a digit or -"
            yield diagnostic("invalid_id", "error", listed, path, message)
        elif node_id in _RESERVED:
            yield diagnostic("reserved_id", "error", listed, path, f"the id {node_id} is reserved")
        elif node_id in first:
            message = f"the id {node_id} is also used by {first[node_id]}"
            yield diagnostic("duplicate_id", "error", listed, path, message)
        first.setdefault(node_id, path.removesuffix("/id"))


def _named(subject: Subject) -> Iterator[tuple[ListedNode, str, str]]:
    """Yield (listed node, JSON pointer, id) of every node and agent tool; the grammar reports missing ids."""
    for listed in subject.listed_nodes:
        if isinstance(listed.node.tree.get("id"), str):
            yield listed, listed.path, listed.node.id
        tools: Any = listed.node.value.get("tools") if listed.node.kind == "aiagent" else None
        for position, tool in enumerate(tools if isinstance(tools, list) else ()):
            if isinstance(tool, dict) and isinstance(tool.get("id"), str):
                yield listed, f"{listed.path}/value/tools/{position}", tool["id"]
