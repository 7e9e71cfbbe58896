"""Variables and resources whose values are meant for one workspace only, which promotion does not copy."""

from __future__ import annotations

from typing import Final, Literal

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, readable, require
from orvanta_platform.db import workspace_specific
from orvanta_platform.db.items import Filter
from orvanta_platform.services.platform import Platform

Kind = Literal["variable", "resource"]

_KINDS: Final[tuple[Kind, ...]] = ("variable", "resource")


async def list_all(platform: Platform, actor: Actor, workspace: str) -> list[tuple[Kind, str]]:
    """Return kind and path of those that the actor may read. Raises NotFound, Forbidden."""
    require(actor, "read", Target(workspace, "workspace"))
    seen = {kind: Filter(**readable(actor, kind).conditions()) for kind in _KINDS}
    async with platform.db.acquire() as conn:
        return [
            (kind, path)
            for kind in _KINDS
            for path in await workspace_specific.list_paths(conn, workspace, kind, seen[kind])
        ]
