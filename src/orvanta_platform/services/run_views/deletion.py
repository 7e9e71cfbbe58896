"""Deletion of the data of a completed run by an admin."""

from __future__ import annotations

from uuid import UUID

from orvanta_platform.control import audit, permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.db import erasures
from orvanta_platform.db.erasures import WHOLE_RUN
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import Conflict
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs


async def delete(platform: Platform, actor: Actor, workspace: str, id: UUID) -> None:
    """Erase the arguments, results, logs and decisions of a completed run and of its sub-workflows.

    The run itself, with its times and states, remains in the history. Objects that cannot be deleted are left to the
    janitor. Raises NotFound, Forbidden, and Conflict for a run or sub-workflow that has not ended, or for the job of a
    node.
    """

    async def erase(conn: Connection) -> list[str]:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        permissions.require(actor, "erase", jobs.target_of(row))
        if row.is_step:
            raise Conflict("The data of a single node cannot be deleted.", hint=f"Delete that of its run, {row.run}.")
        if not row.ended or await erasures.has_live_child(conn, id):
            raise Conflict("The run has not ended.", hint="Cancel it, or wait for it with jobs_u/getupdate.")
        objects = await erasures.erase(conn, id, WHOLE_RUN)
        await audit.record(conn, actor, "jobs.delete", "Delete", row.path or str(id), {"id": str(id)})
        return objects

    for name in await platform.db.retrying(erase):
        await platform.storage.delete(name)
