"""Groups of members. Every member belongs to the group `all`, which lists no usernames."""

from __future__ import annotations

from orvanta_platform.control import audit
from orvanta_platform.control import names as naming
from orvanta_platform.control.actor import EVERYONE, Actor
from orvanta_platform.control.permissions import Target, require
from orvanta_platform.db import groups
from orvanta_platform.db.groups import GroupRow
from orvanta_platform.errors import AlreadyExists, BadRequest, NotFound
from orvanta_platform.services.platform import Platform

_EVERYBODY = GroupRow(EVERYONE, "Every member of the workspace", [], {})


async def list_page(
    platform: Platform, actor: Actor, workspace: str, *, after: str, limit: int, offset: int
) -> list[GroupRow]:
    """Return a page of the groups by name, with `all` first on the first page. Raises NotFound, Forbidden."""
    require(actor, "read", Target(workspace, "group"))
    async with platform.db.acquire() as conn:
        found = await groups.list_page(conn, workspace, after=after, limit=limit, offset=offset)
    return found if after or offset else [_EVERYBODY, *found][:limit]


async def names(platform: Platform, actor: Actor, workspace: str) -> list[str]:
    """Return the names of all groups, `all` first. Raises NotFound, Forbidden."""
    require(actor, "read", Target(workspace, "group"))
    async with platform.db.acquire() as conn:
        return [EVERYONE, *await groups.list_names(conn, workspace)]


async def get(platform: Platform, actor: Actor, workspace: str, name: str) -> GroupRow:
    """Return a group. Raises NotFound, Forbidden."""
    require(actor, "read", Target(workspace, "group"))
    if name == EVERYONE:
        return _EVERYBODY
    async with platform.db.acquire() as conn:
        found = await groups.get(conn, workspace, name)
    if found is None:
        raise _missing(name)
    return found


async def create(platform: Platform, actor: Actor, workspace: str, name: str, summary: str | None) -> None:
    """Create a group; admins only. Raises NotFound, Forbidden, BadRequest, AlreadyExists."""
    require(actor, "write", Target(workspace, "group"))
    naming.check_name("group", name)
    async with platform.db.transaction() as conn:
        if name == EVERYONE or not await groups.insert(conn, workspace, name, summary):
            raise AlreadyExists(f"The group {name} exists already.")
        await audit.record(conn, actor, "groups.create", "Created", name)


async def update(platform: Platform, actor: Actor, workspace: str, name: str, summary: str | None) -> None:
    """Change the summary of a group; admins only. Raises NotFound, Forbidden, BadRequest (for `all`)."""
    _require_changeable(actor, workspace, name)
    async with platform.db.transaction() as conn:
        if not await groups.set_summary(conn, workspace, name, summary):
            raise _missing(name)
        await audit.record(conn, actor, "groups.update", "Updated", name)


async def delete(platform: Platform, actor: Actor, workspace: str, name: str) -> None:
    """Delete a group. Permissions granted to it remain stored without effect. Raises the errors of `update`."""
    _require_changeable(actor, workspace, name)
    async with platform.db.transaction() as conn:
        if not await groups.delete(conn, workspace, name):
            raise _missing(name)
        await audit.record(conn, actor, "groups.delete", "Delete", name)


async def add_user(platform: Platform, actor: Actor, workspace: str, name: str, username: str) -> None:
    """Add a member to a group; a repeated call has no effect. Raises the errors of `update`."""
    _require_changeable(actor, workspace, name)
    async with platform.db.transaction() as conn:
        if await groups.get(conn, workspace, name) is None:
            raise _missing(name)
        if not await groups.add_user(conn, workspace, name, username):
            raise NotFound(f"{username[:100]} is not a member of the workspace.")
        await audit.record(conn, actor, "groups.adduser", "Updated", name, {"username": username})


async def remove_user(platform: Platform, actor: Actor, workspace: str, name: str, username: str) -> None:
    """Remove a member from a group. Raises the errors of `update`."""
    _require_changeable(actor, workspace, name)
    async with platform.db.transaction() as conn:
        if not await groups.remove_user(conn, workspace, name, username):
            raise NotFound(f"{username[:100]} is not in the group {name}.")
        await audit.record(conn, actor, "groups.removeuser", "Updated", name, {"username": username})


def _require_changeable(actor: Actor, workspace: str, name: str) -> None:
    require(actor, "write", Target(workspace, "group"))
    if name == EVERYONE:
        raise BadRequest(f"The group {EVERYONE} contains every member and cannot be changed.")


def _missing(name: str) -> NotFound:
    return NotFound(f"The group {name[:100]} does not exist.")
