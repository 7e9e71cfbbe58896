"""Groups of members. Every member belongs to the group `all`, which lists no usernames."""

from __future__ import annotations

from collections.abc import Sequence

from orvanta_platform.control import audit, limits
from orvanta_platform.control import names as naming
from orvanta_platform.control.actor import EVERYONE, Actor
from orvanta_platform.control.permissions import (
    DEPLOYERS,
    Target,
    refuse_job,
    refuse_limited,
    require,
    require_workspace,
)
from orvanta_platform.db import groups
from orvanta_platform.db.groups import GroupRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import AlreadyExists, BadRequest, NotFound
from orvanta_platform.services.platform import Platform

_CHANGE = "change groups"
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
    refuse_job(actor, _CHANGE)
    naming.check_name("group", name)
    limits.check_text("A summary", summary)
    async with platform.db.transaction() as conn:
        if name == EVERYONE or not await groups.insert(conn, workspace, name, summary):
            raise AlreadyExists(f"The group {name} exists already.")
        await audit.record(conn, actor, "groups.create", "Created", name)


async def update(
    platform: Platform,
    actor: Actor,
    workspace: str,
    name: str,
    *,
    summary: str | None,
    managers: Sequence[str] | None,
) -> None:
    """Change the summary and the managers of a group; admins only.

    `managers`: usernames of members who may add and remove members; None: unchanged. Raises NotFound, Forbidden,
    BadRequest (for `all`, or a manager who is not a member).
    """
    _require_changeable(actor, workspace, name)
    limits.check_text("A summary", summary)
    if managers:
        _refuse_limited_grant(actor, name)
    limits.check_principals(len(managers or ()))
    async with platform.db.transaction() as conn:
        if not await groups.set_summary(conn, workspace, name, summary):
            raise _missing(name)
        if managers is not None:
            unknown = await groups.set_managers(conn, workspace, name, managers)
            if unknown:
                raise BadRequest(f"{unknown[0][:100]} is not a member of the workspace.")
        await audit.record(conn, actor, "groups.update", "Updated", name, {"managers": managers})


async def delete(platform: Platform, actor: Actor, workspace: str, name: str) -> None:
    """Delete a group and the permissions granted to it, which a later group of this name must not have.

    Raises the errors of `update`.
    """
    _require_changeable(actor, workspace, name)

    async def write(conn: Connection) -> None:
        if not await groups.delete(conn, workspace, name):
            raise _missing(name)
        await audit.record(conn, actor, "groups.delete", "Delete", name)

    await platform.db.retrying(write)


async def add_user(platform: Platform, actor: Actor, workspace: str, name: str, username: str) -> None:
    """Add a member to a group; admins and managers of the group only. A repeated call has no effect.

    Raises the errors of `update`.
    """
    _refuse_limited_grant(actor, name)
    async with platform.db.transaction() as conn:
        await _get_managed(conn, actor, workspace, name)
        if not await groups.add_user(conn, workspace, name, username):
            raise NotFound(f"{username[:100]} is not a member of the workspace.")
        await audit.record(conn, actor, "groups.adduser", "Updated", name, {"username": username})


async def remove_user(platform: Platform, actor: Actor, workspace: str, name: str, username: str) -> None:
    """Remove a member from a group; admins and managers of the group only. Raises the errors of `update`."""
    async with platform.db.transaction() as conn:
        await _get_managed(conn, actor, workspace, name)
        if not await groups.remove_user(conn, workspace, name, username):
            raise NotFound(f"{username[:100]} is not in the group {name}.")
        await audit.record(conn, actor, "groups.removeuser", "Updated", name, {"username": username})


async def _get_managed(conn: Connection, actor: Actor, workspace: str, name: str) -> GroupRow:
    """Return a group whose members the actor may change. Raises NotFound, Forbidden, BadRequest (for `all`)."""
    require_workspace(actor, workspace)
    row = await groups.get(conn, workspace, name)
    perms = row.extra_perms if row is not None else {}
    require(actor, "manage", Target(workspace, "group", f"g/{name}", extra_perms=perms))
    refuse_job(actor, _CHANGE)
    _refuse_group_of_all(name)
    if row is None:
        raise _missing(name)
    return row


def _require_changeable(actor: Actor, workspace: str, name: str) -> None:
    require(actor, "write", Target(workspace, "group"))
    refuse_job(actor, _CHANGE)
    _refuse_group_of_all(name)


def _refuse_limited_grant(actor: Actor, name: str) -> None:
    """Raise Forbidden if a token with limits adds to the group that may let runs act for admins."""
    if name == DEPLOYERS:
        refuse_limited(actor, f"add to the group {DEPLOYERS}", bound=True)


def _refuse_group_of_all(name: str) -> None:
    if name == EVERYONE:
        raise BadRequest(f"The group {EVERYONE} contains every member and cannot be changed.")


def _missing(name: str) -> NotFound:
    return NotFound(f"The group {name[:100]} does not exist.")
