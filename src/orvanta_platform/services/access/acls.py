"""Permissions of items, folders and groups: who has them, and why.

An item is shared by those who own it: the user of its `u/…` path, the owners of its folder, and admins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from orvanta_platform.control import audit, limits, names
from orvanta_platform.control.actor import EVERYONE, Actor, FolderGrant, Role
from orvanta_platform.control.permission_reasons import PermissionDecision, decide
from orvanta_platform.control.permissions import DEPLOYERS, Target, refuse_limited, require
from orvanta_platform.db import acls, folders
from orvanta_platform.db.acls import AclRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import BadRequest, Conflict, Forbidden, NotFound
from orvanta_platform.services.access import users
from orvanta_platform.services.access.folders import refuse_grant, require_known
from orvanta_platform.services.access.users import Member
from orvanta_platform.services.platform import Platform

ITEM_KINDS: Final = ("script", "flow", "variable", "resource", "schedule", "http_trigger")
KINDS: Final = (*ITEM_KINDS, "folder", "group")
"""Kinds that have permissions."""


class MemberAccess(msgspec.Struct, frozen=True):
    """Actions that a member may perform on an item or folder: read, write, run, share."""

    member: Member
    actions: dict[str, PermissionDecision]


async def get(platform: Platform, actor: Actor, workspace: str, kind: str, path: str) -> Mapping[str, bool]:
    """Return the permissions of an item, a folder or a group; True includes writing. Raises NotFound, Forbidden."""
    async with platform.db.acquire() as conn:
        return (await _readable(conn, actor, workspace, kind, path)).extra_perms


async def add(
    platform: Platform, actor: Actor, workspace: str, kind: str, path: str, principal: str, *, write: bool
) -> None:
    """Grant a member or group permission to read or write, in place of its earlier permission.

    `write` of a group makes the member a manager, and without `write` the member is none any more. Raises NotFound,
    Forbidden, Conflict (an owner of the folder), BadRequest (an unknown member or group), LimitExceeded.
    """
    names.check_principals([principal])
    async with platform.db.transaction() as conn:
        row = await _shareable(conn, actor, workspace, kind, path)
        if principal in row.owners:
            raise Conflict(f"{principal} owns the folder and can write.", hint="Remove it from the owners first.")
        if kind == "group":
            _check_manager(actor, path, principal)
        await require_known(conn, workspace, [principal])
        stored = None if kind == "group" and not write else write
        count = await acls.set_permission(conn, workspace, kind, path, principal, stored)
        limits.check_principals(_found(kind, path, count))
        parameters = {"kind": kind, "principal": principal, "write": write}
        await audit.record(conn, actor, "acls.add", "Updated", path, parameters)


async def remove(platform: Platform, actor: Actor, workspace: str, kind: str, path: str, principal: str) -> None:
    """Remove the permission of a member or group. Raises NotFound, Forbidden, Conflict (an owner of the folder)."""
    async with platform.db.transaction() as conn:
        row = await _shareable(conn, actor, workspace, kind, path)
        if principal in row.owners:
            raise Conflict(f"{principal} owns the folder.", hint="Remove it from the owners instead.")
        if principal not in row.extra_perms:
            raise NotFound(f"{principal[:200]} has no permission on the {kind} {path}.")
        _found(kind, path, await acls.set_permission(conn, workspace, kind, path, principal, None))
        parameters = {"kind": kind, "principal": principal}
        await audit.record(conn, actor, "acls.remove", "Updated", path, parameters)


async def list_access(
    platform: Platform,
    actor: Actor,
    workspace: str,
    kind: str,
    path: str,
    *,
    username: str | None,
    after: str,
    limit: int,
    offset: int,
) -> list[MemberAccess]:
    """Return which actions members may perform on an item or folder, and why: all by username, or only `username`.

    Members who may read the item may ask about themselves. Only those who can read the folder may ask about others,
    because the answer contains its permissions. Raises NotFound, Forbidden.
    """
    if kind == "group":
        raise BadRequest("Every member can read a group.", hint="Ask for its managers instead.")
    async with platform.db.acquire() as conn:
        row = await _readable(conn, actor, workspace, kind, path)
        folder = await _folder(conn, workspace, _target(workspace, kind, path, row).path or "")
    if username != actor.username and not _may_see_others(actor, kind, path):
        raise Forbidden("You may only ask about yourself.", hint="Owners of the path and admins may ask about others.")
    if username is not None:
        found = [await users.get_member(platform, actor, workspace, username)]
    else:
        found = await users.list_members(platform, actor, workspace, after=after, limit=limit, offset=offset)
    return [MemberAccess(each, _actions(each, workspace, kind, path, row, folder)) for each in found]


def _target(workspace: str, kind: str, path: str, row: AclRow | None) -> Target:
    if kind == "folder":
        return Target(workspace, kind, f"f/{path}")
    if kind == "group":
        return Target(workspace, kind)
    created_by, perms = (row.created_by, row.extra_perms) if row is not None else (None, {})
    return Target(workspace, kind, path, created_by, perms)


async def _readable(conn: Connection, actor: Actor, workspace: str, kind: str, path: str) -> AclRow:
    if kind not in KINDS:
        raise BadRequest(f"There are no permissions of the kind {kind[:40]!r}.", details={"kinds": KINDS})
    row = await acls.get(conn, workspace, kind, path) if actor.workspace == workspace else None
    require(actor, "read", _target(workspace, kind, path, row))
    if kind == "group" and path == EVERYONE:
        raise BadRequest(f"The group {EVERYONE} contains every member and cannot be changed.")
    if row is None:
        raise _missing(kind, path)
    return row


async def _shareable(conn: Connection, actor: Actor, workspace: str, kind: str, path: str) -> AclRow:
    row = await _readable(conn, actor, workspace, kind, path)
    require(actor, "share" if kind in ITEM_KINDS else "write", _target(workspace, kind, path, row))
    if kind == "folder":
        refuse_grant(actor)
    else:
        refuse_limited(actor, "change permissions", bound=True)
    return row


def _check_manager(actor: Actor, group: str, principal: str) -> None:
    if not principal.startswith("u/"):
        raise BadRequest("Only members can manage a group.", hint="Name u/<username>.")
    if group == DEPLOYERS:
        refuse_limited(actor, f"add managers to the group {DEPLOYERS}", bound=True)


def _found(kind: str, path: str, count: int | None) -> int:
    if count is None:
        raise _missing(kind, path)
    return count


def _missing(kind: str, path: str) -> NotFound:
    return NotFound(f"The {kind.replace('_', ' ')} {path[:200]} does not exist.")


def _may_see_others(actor: Actor, kind: str, path: str) -> bool:
    if actor.role is Role.ADMIN or path.startswith(f"u/{actor.username}/"):
        return True
    return (path if kind == "folder" else names.folder_of(path)) in actor.folders.read


async def _folder(conn: Connection, workspace: str, path: str) -> FolderGrant | None:
    name = names.folder_of(path)
    row = await folders.get(conn, workspace, name) if name is not None else None
    return None if row is None else FolderGrant(row.name, frozenset(row.owners), row.extra_perms)


def _actions(
    member: Member, workspace: str, kind: str, path: str, row: AclRow, folder: FolderGrant | None
) -> dict[str, PermissionDecision]:
    target = _target(workspace, kind, path, row)
    actor = _actor(member, workspace)
    if kind == "folder":
        inside = Target(workspace, "variable", f"f/{path}/x")
        checks = {"read": ("read", target), "write": ("write", inside), "share": ("write", target)}
    else:
        checks = {action: (action, target) for action in ("read", "write", "share")}
    if kind in ("script", "flow"):
        checks["run"] = ("run", target)
    return {name: decide(actor, action, of, folder) for name, (action, of) in checks.items()}


def _actor(member: Member, workspace: str) -> Actor:
    row = member.row
    role = None if row.disabled or row.account_disabled else member.role
    return Actor(
        email=row.email,
        username=row.username,
        workspace=workspace,
        role=role,
        super_admin=row.super_admin,
        groups=frozenset(row.groups),
        folders=member.folders,
    )
