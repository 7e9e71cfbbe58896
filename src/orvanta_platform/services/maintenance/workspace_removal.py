"""Deletion of an archived workspace, in batches: runs with their values and logs, files, and everything else.

Rows of its audit trail remain, and so does its id, which no other workspace obtains. A deletion that was interrupted
continues with the next call.
"""

from __future__ import annotations

from orvanta_platform import clock
from orvanta_platform.control import audit
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.db import deployments, workspaces
from orvanta_platform.errors import BadRequest, Conflict, NotFound
from orvanta_platform.services.access import service_accounts
from orvanta_platform.services.maintenance import retention
from orvanta_platform.services.platform import Platform

_BATCH = 500


async def delete(platform: Platform, actor: Actor, workspace: str, typed: str | None) -> None:
    """Delete an archived workspace. `typed`: its id as a person typed it, to confirm the deletion.

    Raises Forbidden, also for tokens with limits, NotFound, BadRequest for another id, Conflict for a workspace that is
    not archived, has unfinished runs, or has a release that an environment may need for a rollback.
    """
    require(actor, "delete_workspace", Target(None, "instance"))
    refuse_limited(actor, "delete workspaces")
    async with platform.db.transaction() as conn:
        if not await workspaces.exists(conn, workspace):
            raise NotFound(f"The workspace {workspace[:100]} does not exist.")
        if typed is not None and typed != workspace:
            raise BadRequest("The confirmation is not the id of the workspace.", hint=f"Send confirm={workspace}.")
        if unfinished := await workspaces.count_live_runs(conn, workspace):
            raise Conflict(
                f"The workspace has {unfinished} unfinished runs.", hint="Cancel them, or wait for their end."
            )
        if environment := await deployments.find_dependent(conn, workspace):
            raise Conflict(
                f"A rollback of {environment} may need the releases of the workspace.",
                hint="Delete the environment, or promote ten releases of another workspace to it first.",
            )
        if not await workspaces.begin_deletion(conn, workspace):
            raise Conflict(f"The workspace {workspace} is not archived.", hint="Archive it first.")
        await service_accounts.delete_shared(platform, conn, actor, workspace)
        await audit.record_instance(conn, actor, "workspaces.begin_delete", "Delete", workspace)
    runs = await retention.delete_all_runs(platform.db, platform.storage, workspace, clock.now())
    files = await _delete_files(platform, workspace)
    while True:
        async with platform.db.transaction() as conn:
            if not await workspaces.delete_rows(conn, workspace, _BATCH):
                break
    async with platform.db.transaction() as conn:
        if await workspaces.delete(conn, workspace):
            details = {"runs": runs, "files": files}
            await audit.record_instance(conn, actor, "workspaces.delete", "Delete", workspace, details)


async def _delete_files(platform: Platform, workspace: str) -> int:
    deleted = 0
    while True:
        async with platform.db.transaction() as conn:
            objects = await workspaces.take_files(conn, workspace, _BATCH)
        if not objects:
            return deleted
        for key in objects:
            await platform.storage.delete(key)
        deleted += len(objects)
