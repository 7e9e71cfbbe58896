"""Favourites: workflows and scripts that a member marked, listed first for that member."""

from __future__ import annotations

from orvanta_platform.control import audit
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, require, require_workspace
from orvanta_platform.db import favourites, items
from orvanta_platform.db.items import ItemRow
from orvanta_platform.errors import LimitExceeded
from orvanta_platform.services.catalog import deploy
from orvanta_platform.services.catalog.deploy import Kind
from orvanta_platform.services.platform import Platform

MAX_FAVOURITES = 1000
"""Maximum number of favourites of a member in a workspace."""


async def star(platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str) -> None:
    """Mark an item as a favourite of the actor. Raises NotFound, Forbidden, LimitExceeded."""
    require_workspace(actor, workspace)
    async with platform.db.transaction() as conn:
        head = await items.get_head(conn, workspace, kind, path)
        if head is None:
            require(actor, "read", Target(workspace, kind, path))
            raise deploy.missing(kind, path)
        require(actor, "read", Target(workspace, kind, path, head.created_by, head.extra_perms))
        if await favourites.count(conn, workspace, actor.username) >= MAX_FAVOURITES:
            raise LimitExceeded(f"A member has at most {MAX_FAVOURITES} favourites.", details={"limit": MAX_FAVOURITES})
        if await favourites.insert(conn, workspace, actor.username, kind, path):
            await audit.record(conn, actor, "favourites.create", "Created", path, {"kind": kind})


async def unstar(platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str) -> None:
    """Remove a favourite of the actor; without one, the call has no effect. Raises NotFound, Forbidden."""
    require(actor, "read", Target(workspace, "workspace"))
    async with platform.db.transaction() as conn:
        if await favourites.delete(conn, workspace, actor.username, kind, path):
            await audit.record(conn, actor, "favourites.delete", "Delete", path, {"kind": kind})


async def is_starred(platform: Platform, actor: Actor, row: ItemRow) -> bool:
    """Return whether an item is a favourite of the actor. Raises NotFound."""
    require(actor, "read", deploy.target_of(row))
    async with platform.db.acquire() as conn:
        return await favourites.exists(conn, row.workspace, actor.username, row.kind, row.path)
