"""Groups of members as people see them. Everybody is in `all`, which lists nobody by name."""

from __future__ import annotations

from orvanta_platform.control.actor import EVERYONE, Actor
from orvanta_platform.control.permissions import Thing, require
from orvanta_platform.db import groups
from orvanta_platform.db.groups import GroupRow
from orvanta_platform.errors import NotFound
from orvanta_platform.services.platform import Platform

_EVERYBODY = GroupRow(EVERYONE, "Every member of the workspace", [], {})


async def list_page(
    platform: Platform, actor: Actor, workspace: str, *, after: str, limit: int, offset: int
) -> list[GroupRow]:
    """A page of the groups by name, `all` before the others on the first page. Raises NotFound, Forbidden."""
    require(actor, "read", Thing(workspace, "group"))
    async with platform.db.acquire() as conn:
        found = await groups.list_page(conn, workspace, after=after, limit=limit, offset=offset)
    return found if after or offset else [_EVERYBODY, *found][:limit]


async def names(platform: Platform, actor: Actor, workspace: str) -> list[str]:
    """The names of all groups, `all` first. Raises NotFound, Forbidden."""
    require(actor, "read", Thing(workspace, "group"))
    async with platform.db.acquire() as conn:
        return [EVERYONE, *await groups.names(conn, workspace)]


async def get(platform: Platform, actor: Actor, workspace: str, name: str) -> GroupRow:
    """One group. Raises NotFound, Forbidden."""
    require(actor, "read", Thing(workspace, "group"))
    if name == EVERYONE:
        return _EVERYBODY
    async with platform.db.acquire() as conn:
        found = await groups.get(conn, workspace, name)
    if found is None:
        raise NotFound(f"The group {name} does not exist.")
    return found
