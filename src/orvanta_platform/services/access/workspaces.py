"""Workspaces, their usernames and settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal

from msgspec import UNSET

from orvanta_platform.control import audit, limits, names
from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.control.permissions import Target, can, refuse_limited, require
from orvanta_platform.db import http_triggers, workspaces
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.workspaces import SettingsRow, WorkspaceRow
from orvanta_platform.errors import AlreadyExists, BadRequest, Conflict, NotFound, VersionConflict
from orvanta_platform.services.platform import Platform

MAX_TOKEN_AGE_DAYS = 3650
MAX_RETENTION_DAYS = 36_500
"""Upper limit for a workspace if the instance does not delete runs."""

SettingName = Literal["secrets_readable", "search_run_data", "retention_days", "token_max_age_days"]

_WRITERS: Final[Mapping[SettingName, tuple[Callable[[Connection, str, Any], Awaitable[None]], str]]] = {
    "secrets_readable": (workspaces.set_secrets_readable, "workspaces.edit_secrets_readable"),
    "search_run_data": (workspaces.set_search_run_data, "workspaces.edit_search_run_data"),
    "retention_days": (workspaces.set_retention_days, "workspaces.edit_retention"),
    "token_max_age_days": (workspaces.set_token_max_age_days, "workspaces.edit_token_max_age"),
}
"""Function that writes a setting, and the operation that the audit trail names."""


async def create(
    platform: Platform, actor: Actor, workspace: str, *, name: str, username: str | None, color: str | None
) -> None:
    """Create a workspace with the actor as its admin. Raises Forbidden, BadRequest, AlreadyExists, Conflict."""
    require(actor, "create_workspace", Target(None, "instance"))
    names.check_name("workspace", workspace)
    username = username or actor.username
    names.check_username(username)
    limits.check_line("The name of a workspace", name)
    color = names.check_color(color) if color else None
    async with platform.db.transaction() as conn:
        await http_triggers.lock_instance_routes(conn)
        if await http_triggers.is_first_segment(conn, workspace):
            raise Conflict(
                f"A route of the instance begins with {workspace}.",
                hint="Use another id, or change the route: paths below /api/r/<workspace>/ belong to the workspace.",
            )
        if not await workspaces.insert(conn, workspace, name, actor.email, color):
            raise AlreadyExists(f"The workspace {workspace} exists already.")
        if not await workspaces.add_member(conn, workspace, username, actor.email, Role.ADMIN):
            raise AlreadyExists(f"The username {username} is that of another account.", hint="Use another username.")
        parameters = {"name": name}
        await audit.record(conn, actor, "workspaces.create", "Created", workspace, parameters, workspace=workspace)


def require_login(actor: Actor) -> None:
    """Check that the actor may read what everybody with a login may. Raises Forbidden."""
    require(actor, "list_workspaces", Target(None, "instance"))


async def get_name(platform: Platform, actor: Actor, workspace: str) -> str:
    """Return the display name of a workspace. Raises NotFound."""
    require(actor, "read", Target(workspace, "workspace"))
    async with platform.db.acquire() as conn:
        return await workspaces.get_name(conn, workspace) or workspace


async def list_mine(platform: Platform, actor: Actor) -> list[WorkspaceRow]:
    """Return the workspaces that the actor belongs to, whatever the scopes of its token, or all workspaces for a
    superadmin whose token permits to list them.
    """
    require(actor, "list_own_workspaces", Target(None, "instance"))
    every = actor.super_admin and can(actor, "list_workspaces", Target(None, "instance"))
    async with platform.db.acquire() as conn:
        rows = await workspaces.list_of_account(conn, actor.email, every=every)
    return [row for row in rows if not actor.bound or row.id == actor.workspace]


async def _is_mine(platform: Platform, actor: Actor, workspace: str) -> bool:
    return any(row.id == workspace and not row.disabled for row in await list_mine(platform, actor))


async def exists(platform: Platform, actor: Actor, workspace: str) -> bool:
    """Return whether an id is taken. Actors who may not create workspaces only learn about their own."""
    require(actor, "list_workspaces", Target(None, "instance"))
    if not actor.super_admin:
        return await _is_mine(platform, actor, workspace)
    async with platform.db.acquire() as conn:
        return await workspaces.exists(conn, workspace)


async def username_exists(platform: Platform, actor: Actor, workspace: str, username: str) -> bool:
    """Return whether a username is taken in a workspace of the actor. Raises NotFound for any other."""
    require(actor, "list_workspaces", Target(None, "instance"))
    if not actor.super_admin and not await _is_mine(platform, actor, workspace):
        raise NotFound(f"The workspace {workspace[:100]} does not exist.")
    async with platform.db.acquire() as conn:
        return await workspaces.is_username_taken(conn, workspace, username)


async def get_settings(platform: Platform, actor: Actor, workspace: str) -> SettingsRow:
    """Return the settings of a workspace. Raises NotFound."""
    require(actor, "read", Target(workspace, "workspace"))
    async with platform.db.acquire() as conn:
        found = await workspaces.get_settings(conn, workspace)
    if found is None:
        raise NotFound(f"The workspace {workspace[:100]} does not exist.")
    return found


async def change_setting(
    platform: Platform, actor: Actor, workspace: str, name: SettingName, value: Any, base: Any = UNSET
) -> None:
    """Change a setting of a workspace, if it still has the value `base`.

    Raises NotFound, Forbidden, for `secrets_readable` also for tokens with limits, BadRequest, VersionConflict.
    """
    require(actor, "admin", Target(workspace, "workspace"))
    if name == "secrets_readable":
        refuse_limited(actor, "change who may read secrets", bound=True)
    _check_days(platform, name, value)
    write, operation = _WRITERS[name]
    async with platform.db.transaction() as conn:
        await check_base(conn, workspace, name, base)
        await write(conn, workspace, value)
        await audit.record(conn, actor, operation, "Updated", workspace, {name: value})


def _check_days(platform: Platform, name: SettingName, value: Any) -> None:
    if name == "token_max_age_days":
        subject, most = "age of tokens", MAX_TOKEN_AGE_DAYS
    elif name == "retention_days":
        subject, most = "retention", platform.settings.retention_days or MAX_RETENTION_DAYS
    else:
        return
    if value is not None and not 1 <= value <= most:
        raise BadRequest(
            f"The {subject} must be from 1 to {most} days.", hint="Use null for the limit of the instance."
        )


async def check_base(conn: Connection, workspace: str, setting: str, base: Any) -> None:
    """Check that a setting has the value that a change is based on; UNSET: any. Raises VersionConflict."""
    if base is UNSET:
        return
    theirs = (await workspaces.lock_settings(conn, workspace)).get(setting)
    if theirs != base:
        raise VersionConflict(
            f"{setting} was changed meanwhile.",
            hint="Compare the two values, then send `base` with the stored one.",
            details={"name": setting, "base": base[:500] if isinstance(base, str) else base, "theirs": theirs},
        )
