"""References of deployed versions to scripts and workflows, recorded when a version is deployed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import require_workspace
from orvanta_platform.db import version_references
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.version_references import VersionReference
from orvanta_platform.services.runs.imports import Imported
from orvanta_platform.workflow.node_references import node_references


async def record(conn: Connection, actor: Actor, workspace: str, version: int, tree: Mapping[str, Any]) -> None:
    """Store the items that the nodes of a workflow version run, in the transaction that deploys it."""
    require_workspace(actor, workspace)
    await version_references.record(
        conn, version, workspace, [VersionReference(**asdict(each)) for each in node_references(tree)]
    )


async def record_imports(
    conn: Connection, actor: Actor, workspace: str, version: int, imported: Mapping[str, Imported]
) -> None:
    """Store the scripts that a version imports itself, in the transaction that deploys it.

    `imported` is by node, with "" for a script.
    """
    require_workspace(actor, workspace)
    found = [
        VersionReference(node, "script", path, digest)
        for node, each in imported.items()
        for path, digest in each.direct
    ]
    await version_references.record(conn, version, workspace, found)
