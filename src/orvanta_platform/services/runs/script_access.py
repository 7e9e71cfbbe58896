"""Checks that a deployer may read the scripts that a workflow refers to. Missing scripts give the same error."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can
from orvanta_platform.db import items
from orvanta_platform.db.pool import Connection
from orvanta_platform.workflow.diagnostics import Diagnostic, invalid
from orvanta_platform.workflow.graph import body_lists
from orvanta_platform.workflow.languages import HUB
from orvanta_platform.workflow.normal import normalise


async def refuse_unreadable(conn: Connection, actor: Actor, workspace: str, tree: Mapping[str, Any]) -> None:
    """Raise InvalidWorkflow with the scripts that the deployer may not read."""
    found = await unreadable(conn, actor, workspace, tree)
    if found:
        raise invalid(found)


async def unreadable(conn: Connection, actor: Actor, workspace: str, tree: Mapping[str, Any]) -> list[Diagnostic]:
    """Return a diagnostic for each node that refers to a script the actor may not read."""
    named = list(_scripts(normalise(tree)["value"], "/value"))
    doubtful = [path for _, _, path in named if not can(actor, "read", Target(workspace, "script", path))]
    if not doubtful:
        return []
    perms = await items.get_perms(conn, workspace, "script", doubtful)
    refused = {
        path
        for path in doubtful
        if not can(actor, "read", Target(workspace, "script", path, extra_perms=perms.get(path, {})))
    }
    return [
        Diagnostic("script_not_readable", "error", node, where, f"The script {path} does not exist.")
        for node, where, path in named
        if path in refused
    ]


def _scripts(value: Mapping[str, Any], where: str) -> Iterator[tuple[str, str, str]]:
    """Yield (node, JSON pointer, path) of every script that a flow value refers to, without those of the hub."""
    for pointer, module in placed_modules(value, where):
        inner = module.get("value")
        if isinstance(inner, dict) and inner.get("type") == "script":
            path = str(inner.get("path"))
            if not path.startswith(HUB):
                yield str(module.get("id")), f"{pointer}/value/path", path


def placed_modules(value: Mapping[str, Any], where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (JSON pointer, tree) of every node of a normalised flow value, at any depth."""
    modules = deque((f"{where}/modules/{index}", each) for index, each in enumerate(value["modules"]))
    alone = ("failure_module", "preprocessor_module")
    modules.extend((f"{where}/{name}", value[name]) for name in alone if value.get(name))
    while modules:
        pointer, module = modules.popleft()
        yield pointer, module
        for path, bodies in body_lists(module, pointer):
            modules.extend((f"{path}/{index}", each) for index, each in enumerate(bodies or []))
