"""Life of a workspace: its display name and color, archiving and unarchiving.

An archived workspace can be read. It starts no runs, by a call, a schedule or a route. Runs in progress continue.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from orvanta_platform.control import audit, limits, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import KEY_WORKSPACE
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.db import workspaces
from orvanta_platform.db.workspaces import WorkspaceRow
from orvanta_platform.errors import BadRequest, Conflict
from orvanta_platform.services.access.workspaces import check_base
from orvanta_platform.services.platform import Platform


async def rename(platform: Platform, actor: Actor, workspace: str, name: str, base: str | UnsetType = UNSET) -> None:
    """Change the display name. The id, which is part of addresses, does not change.

    Raises NotFound, Forbidden, BadRequest, VersionConflict if the name is not `base`.
    """
    require(actor, "admin", Target(workspace, "workspace"))
    limits.check_line("The name of a workspace", name)
    if not name:
        raise BadRequest("The name of a workspace is not empty.")
    async with platform.db.transaction() as conn:
        await check_base(conn, workspace, "new_name", base)
        before = await workspaces.get_name(conn, workspace)
        await workspaces.set_name(conn, workspace, name.strip())
        parameters = {"name": name.strip(), "before": before}
        await audit.record(conn, actor, "workspaces.rename", "Updated", workspace, parameters)


async def change_color(platform: Platform, actor: Actor, workspace: str, color: str | None) -> None:
    """Change the color of a workspace in menus; None: none. Raises Forbidden, BadRequest."""
    require(actor, "admin", Target(workspace, "workspace"))
    color = names.check_color(color) if color else None
    async with platform.db.transaction() as conn:
        await workspaces.set_color(conn, workspace, color)
        await audit.record(conn, actor, "workspaces.change_color", "Updated", workspace, {"color": color})


async def list_archived(platform: Platform, actor: Actor) -> list[WorkspaceRow]:
    """Return the archived workspaces that the actor administers, or all for a superadmin."""
    require(actor, "list_workspaces", Target(None, "instance"))
    async with platform.db.acquire() as conn:
        rows = await workspaces.list_archived(conn, actor.email, every=actor.super_admin)
    return [row for row in rows if not actor.bound or row.id == actor.workspace]


async def archive(platform: Platform, actor: Actor, workspace: str) -> None:
    """Archive a workspace. Raises NotFound, Forbidden, also for tokens with limits, Conflict."""
    require(actor, "archive", Target(workspace, "workspace"))
    refuse_limited(actor, "archive workspaces")
    if workspace == KEY_WORKSPACE:
        raise Conflict(f"The workspace {workspace} holds the settings of the instance and cannot be archived.")
    await _set_archived(platform, actor, workspace, archived=True)


async def unarchive(platform: Platform, actor: Actor, workspace: str) -> None:
    """Unarchive a workspace. Raises NotFound, Forbidden, also for tokens with limits, Conflict."""
    require(actor, "unarchive", Target(workspace, "workspace"))
    refuse_limited(actor, "unarchive workspaces")
    await _set_archived(platform, actor, workspace, archived=False)


async def _set_archived(platform: Platform, actor: Actor, workspace: str, *, archived: bool) -> None:
    async with platform.db.transaction() as conn:
        if not await workspaces.set_archived(conn, workspace, archived):
            raise Conflict(f"The workspace {workspace} is {'archived already' if archived else 'not archived'}.")
        operation = "workspaces.archive" if archived else "workspaces.unarchive"
        await audit.record(conn, actor, operation, "Updated", workspace)
