"""Progress in percent that a running job reports about itself."""

from __future__ import annotations

from uuid import UUID

from orvanta_platform.control import permissions
from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.db import jobs as job_rows
from orvanta_platform.errors import Conflict, Forbidden
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs

_MAX_PERCENT = 99


async def get(platform: Platform, actor: Actor, workspace: str, id: UUID) -> int | None:
    """Return the progress of a job, None if it has reported none or has ended. Raises NotFound."""
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        return await job_rows.get_progress(conn, row.id, workspace)


async def put(platform: Platform, actor: Actor, workspace: str, id: UUID, percent: int) -> int:
    """Set the progress of a running job and return it: it is limited to 0…99 and never decreases.

    Raises NotFound, Forbidden unless it is the caller's own job or run, and Conflict if the job is not running.
    """
    async with platform.db.transaction() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        permissions.require(actor, "write_state", jobs.target_of(row))
        progress = await job_rows.set_progress(conn, row.id, workspace, min(max(percent, 0), _MAX_PERCENT))
        if progress is None:
            raise Conflict("The job is not running, so its progress cannot be set.")
        is_own = actor.job == row.id if actor.kind == "job" else row.created_by == actor.username
        if not is_own and (actor.kind == "job" or actor.role is not Role.ADMIN):
            raise Forbidden("Only the job itself, and the member who started it, can set its progress.")
    return progress
