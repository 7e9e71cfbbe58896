"""Rule of environments that code runs only if it is deployed."""

from __future__ import annotations

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import require_workspace
from orvanta_platform.db import environments
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import DirectDeploysRefused


async def refuse_previews(conn: Connection, actor: Actor, workspace: str) -> None:
    """Check that code that is not deployed may run in a workspace. Raises NotFound, DirectDeploysRefused."""
    require_workspace(actor, workspace)
    if await environments.refuses_previews(conn, workspace):
        raise DirectDeploysRefused(
            f"Code that is not deployed does not run in {workspace}.",
            hint="Run it in the workspace where it is developed.",
        )
