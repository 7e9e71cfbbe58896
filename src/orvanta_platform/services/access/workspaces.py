"""Workspaces, their members and settings, and the health of the instance."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from orvanta_platform.control import audit, limits, names
from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.db import http_triggers, workspaces
from orvanta_platform.db.pool import CONNECTION_LOST, Connection
from orvanta_platform.db.workspaces import Health, WorkspaceRow
from orvanta_platform.errors import AlreadyExists, BadRequest, Conflict, NotFound, VersionConflict
from orvanta_platform.services.platform import Platform

MAX_TOKEN_AGE_DAYS = 3650
MAX_RETENTION_DAYS = 36_500
"""Upper limit for a workspace if the instance does not delete runs."""


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


async def get_color(platform: Platform, actor: Actor, workspace: str) -> str | None:
    """Return the colour of a workspace; None if it has none. Raises NotFound."""
    require(actor, "read", Target(workspace, "workspace"))
    async with platform.db.acquire() as conn:
        return await workspaces.get_color(conn, workspace)


async def list_mine(platform: Platform, actor: Actor) -> list[WorkspaceRow]:
    """Return the workspaces that the actor belongs to, or all workspaces for a superadmin."""
    require(actor, "list_workspaces", Target(None, "instance"))
    async with platform.db.acquire() as conn:
        rows = await workspaces.list_of_account(conn, actor.email, every=actor.super_admin)
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


async def secrets_readable(platform: Platform, actor: Actor, workspace: str) -> bool:
    """Return whether developers may read secrets by API. Raises NotFound."""
    require(actor, "read", Target(workspace, "workspace"))
    async with platform.db.acquire() as conn:
        return await workspaces.are_secrets_readable(conn, workspace)


async def set_secrets_readable(
    platform: Platform, actor: Actor, workspace: str, readable: bool, base: bool | UnsetType = UNSET
) -> None:
    """Allow or forbid developers to read secrets by API.

    Raises NotFound, Forbidden, also for tokens with limits, VersionConflict.
    """
    require(actor, "admin", Target(workspace, "workspace"))
    refuse_limited(actor, "change who may read secrets", bound=True)
    async with platform.db.transaction() as conn:
        await check_base(conn, workspace, "secrets_readable", base)
        await workspaces.set_secrets_readable(conn, workspace, readable)
        parameters = {"secrets_readable": readable}
        await audit.record(conn, actor, "workspaces.edit_secrets_readable", "Updated", workspace, parameters)


async def search_run_data(platform: Platform, actor: Actor, workspace: str) -> bool:
    """Return whether inputs and results of runs are searchable. Raises NotFound."""
    require(actor, "read", Target(workspace, "workspace"))
    async with platform.db.acquire() as conn:
        return await workspaces.is_search_enabled(conn, workspace)


async def set_search_run_data(
    platform: Platform, actor: Actor, workspace: str, searched: bool, base: bool | UnsetType = UNSET
) -> None:
    """Enable or disable the search index of inputs and results. Raises NotFound, Forbidden, VersionConflict."""
    require(actor, "admin", Target(workspace, "workspace"))
    async with platform.db.transaction() as conn:
        await check_base(conn, workspace, "search_run_data", base)
        await workspaces.set_search_run_data(conn, workspace, searched)
        parameters = {"search_run_data": searched}
        await audit.record(conn, actor, "workspaces.edit_search_run_data", "Updated", workspace, parameters)


async def retention_days(platform: Platform, actor: Actor, workspace: str) -> int | None:
    """Return the days that runs are retained; None: the limit of the instance applies. Raises NotFound."""
    require(actor, "read", Target(workspace, "workspace"))
    async with platform.db.acquire() as conn:
        return await workspaces.get_retention_days(conn, workspace)


async def token_max_age_days(platform: Platform, actor: Actor, workspace: str) -> int | None:
    """Return the maximum lifetime of new tokens of the workspace; None: that of the instance. Raises NotFound."""
    require(actor, "read", Target(workspace, "workspace"))
    async with platform.db.acquire() as conn:
        return await workspaces.get_token_max_age_days(conn, actor.email, workspace)


async def set_token_max_age_days(
    platform: Platform, actor: Actor, workspace: str, days: int | None, base: int | UnsetType | None = UNSET
) -> None:
    """Set the maximum lifetime of new tokens of the workspace.

    Raises NotFound, Forbidden, BadRequest, VersionConflict.
    """
    require(actor, "admin", Target(workspace, "workspace"))
    if days is not None and not 1 <= days <= MAX_TOKEN_AGE_DAYS:
        raise BadRequest(
            f"The age of tokens must be from 1 to {MAX_TOKEN_AGE_DAYS} days.",
            hint="Use null for the limit of the instance.",
        )
    async with platform.db.transaction() as conn:
        await check_base(conn, workspace, "token_max_age_days", base)
        await workspaces.set_token_max_age_days(conn, workspace, days)
        parameters = {"token_max_age_days": days}
        await audit.record(conn, actor, "workspaces.edit_token_max_age", "Updated", workspace, parameters)


async def set_retention_days(
    platform: Platform, actor: Actor, workspace: str, days: int | None, base: int | UnsetType | None = UNSET
) -> None:
    """Set a shorter retention than that of the instance. Raises NotFound, Forbidden, BadRequest, VersionConflict."""
    require(actor, "admin", Target(workspace, "workspace"))
    most = platform.settings.retention_days or MAX_RETENTION_DAYS
    if days is not None and not 0 < days <= most:
        raise BadRequest(
            f"The retention must be from 1 to {most} days.", hint="Use null for the limit of the instance."
        )
    async with platform.db.transaction() as conn:
        await check_base(conn, workspace, "retention_days", base)
        await workspaces.set_retention_days(conn, workspace, days)
        parameters = {"retention_days": days}
        await audit.record(conn, actor, "workspaces.edit_retention", "Updated", workspace, parameters)


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


async def health(platform: Platform) -> Health | None:
    """Return the health of the database, or None if it does not respond. Needs no actor: load balancers call it."""
    try:
        async with platform.db.acquire() as conn:
            return await workspaces.get_health(conn)
    except CONNECTION_LOST:
        return None
