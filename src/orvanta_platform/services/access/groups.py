"""Groups of members as people see them. Everybody is in `all`, which lists nobody by name."""

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
    """A page of the groups by name, `all` before the others on the first page. Raises NotFound, Forbidden."""
    require(actor, "read", Target(workspace, "group"))
    async with platform.db.acquire() as conn:
        found = await groups.list_page(conn, workspace, after=after, limit=limit, offset=offset)
    return found if after or offset else [_EVERYBODY, *found][:limit]


async def names(platform: Platform, actor: Actor, workspace: str) -> list[str]:
    """The names of all groups, `all` first. Raises NotFound, Forbidden."""
    require(actor, "read", Target(workspace, "group"))
    async with platform.db.acquire() as conn:
        return [EVERYONE, *await groups.names(conn, workspace)]


async def get(platform: Platform, actor: Actor, workspace: str, name: str) -> GroupRow:
    """One group. Raises NotFound, Forbidden."""
    require(actor, "read", Target(workspace, "group"))
    if name == EVERYONE:
        return _EVERYBODY
    async with platform.db.acquire() as conn:
        found = await groups.get(conn, workspace, name)
    if found is None:
        raise _missing(name)
    return found


async def create(platform: Platform, actor: Actor, workspace: str, name: str, summary: str | None) -> None:
    """Make a group; admins only. Raises NotFound, Forbidden, BadRequest, AlreadyExists."""
    require(actor, "write", Target(workspace, "group"))
    naming.check_name("group", name)
    async with platform.db.transaction() as conn:
        if name == EVERYONE or not await groups.insert(conn, workspace, name, summary):
            raise AlreadyExists(f"The group {name} exists already.")
        await audit.record(conn, actor, "groups.create", "Created", name)


async def update(platform: Platform, actor: Actor, workspace: str, name: str, summary: str | None) -> None:
    """Say what a group is for; admins only. Raises NotFound, Forbidden, BadRequest (for `all`)."""
    _require_changeable(actor, workspace, name)
    async with platform.db.transaction() as conn:
        if not await groups.describe(conn, workspace, name, summary):
            raise _missing(name)
        await audit.record(conn, actor, "groups.update", "Updated", name)


async def delete(platform: Platform, actor: Actor, workspace: str, name: str) -> None:
    """Delete a group; what it was given stays written and gives nobody anything. Raises as `update`."""
    _require_changeable(actor, workspace, name)
    async with platform.db.transaction() as conn:
        if not await groups.delete(conn, workspace, name):
            raise _missing(name)
        await audit.record(conn, actor, "groups.delete", "Delete", name)


async def add_user(platform: Platform, actor: Actor, workspace: str, name: str, username: str) -> None:
    """Put a member into a group; to do so twice is no error. Raises as `update`."""
    _require_changeable(actor, workspace, name)
    async with platform.db.transaction() as conn:
        if await groups.get(conn, workspace, name) is None:
            raise _missing(name)
        if not await groups.add_user(conn, workspace, name, username):
            raise NotFound(f"{username[:100]} is no member of the workspace.")
        await audit.record(conn, actor, "groups.adduser", "Updated", name, {"username": username})


async def remove_user(platform: Platform, actor: Actor, workspace: str, name: str, username: str) -> None:
    """Take somebody out of a group. Raises as `update`."""
    _require_changeable(actor, workspace, name)
    async with platform.db.transaction() as conn:
        if not await groups.remove_user(conn, workspace, name, username):
            raise NotFound(f"{username[:100]} is not in the group {name}.")
        await audit.record(conn, actor, "groups.removeuser", "Updated", name, {"username": username})


def _require_changeable(actor: Actor, workspace: str, name: str) -> None:
    require(actor, "write", Target(workspace, "group"))
    if name == EVERYONE:
        raise BadRequest(f"The group {EVERYONE} holds every member and cannot be changed.")


def _missing(name: str) -> NotFound:
    return NotFound(f"The group {name[:100]} does not exist.")
