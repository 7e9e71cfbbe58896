"""Workers and queues, as far as a member may see them.

Superadmins and devops see everything. Other members see the live workers and the queues they serve, and job counts of
their own workspaces; they see neither addresses of workers nor the load caused by other workspaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from msgspec.structs import replace

from orvanta_platform import clock, ids
from orvanta_platform.control import audit, permissions, scopes
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target
from orvanta_platform.db import worker_views, workspaces
from orvanta_platform.db import workers as worker_rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.worker_views import QueueRow, WorkerRow
from orvanta_platform.errors import BadRequest, NotFound
from orvanta_platform.services.platform import Platform

MAX_HORIZON_S = 7 * 86_400
"""Maximum age in seconds of the runs whose jobs are counted."""

_MAX_TAGS = 1000
"""Maximum number of queues in a call."""


async def list_workers(
    platform: Platform, actor: Actor, *, seen_within_s: float | None = None, limit: int = 1000, offset: int = 0
) -> list[WorkerRow]:
    """Return live workers, newest first. Raises Forbidden.

    With `seen_within_s` also those that sent a heartbeat within that number of seconds.
    """
    permissions.require(actor, "list_workers", Target(None, "instance"))
    async with platform.db.acquire() as conn:
        mine = await _workspaces(conn, actor)
        rows = await worker_views.list_workers(conn, mine, seen_within_s=seen_within_s, limit=limit, offset=offset)
    return rows if mine is None else [replace(row, ip="", instance="", jobs_executed=0) for row in rows]


async def _workspaces(conn: Connection, actor: Actor) -> list[str] | None:
    """Return the workspaces whose job counts the actor may see; None: all."""
    if permissions.can(scopes.without_limits(actor), "see_all_workers", Target(None, "instance")):
        return None
    if actor.bound:
        return [actor.workspace] if actor.workspace is not None and actor.role is not None else []
    return [row.id for row in await workspaces.list_of_account(conn, actor.email, every=False) if not row.disabled]


async def list_queues(platform: Platform, actor: Actor) -> list[QueueRow]:
    """Return the queues with jobs that the actor may see, by name. Raises Forbidden."""
    permissions.require(actor, "list_workers", Target(None, "instance"))
    async with platform.db.acquire() as conn:
        return await worker_views.list_queues(conn, await _workspaces(conn, actor))


async def set_drained(platform: Platform, actor: Actor, worker: UUID, *, drained: bool) -> None:
    """Pause or resume claiming by a worker. Its current jobs continue.

    The worker learns of it with its next heartbeat. Raises Forbidden, and NotFound if there is no such live worker.
    """
    permissions.require(actor, "drain_worker", Target(None, "instance"))

    async def write(conn: Connection) -> None:
        name = await worker_rows.set_drained(conn, worker, drained=drained)
        if name is None:
            raise NotFound(f"There is no live worker with the id {worker}.")
        await audit.record(conn, actor, "workers.drain", "Updated", name, {"id": str(worker), "drained": drained})

    await platform.db.retrying(write)


async def count_waiting_jobs(platform: Platform, actor: Actor) -> dict[str, int]:
    """Return the number of jobs that can start now, by queue, without empty ones. Raises Forbidden."""
    permissions.require(actor, "list_workers", Target(None, "instance"))
    async with platform.db.acquire() as conn:
        return await worker_views.count_jobs_by_queue(conn, await _workspaces(conn, actor))


async def list_named_queues(platform: Platform, actor: Actor) -> list[str]:
    """Return the queues that live workers name, by name. Raises Forbidden."""
    permissions.require(actor, "list_workers", Target(None, "instance"))
    async with platform.db.acquire() as conn:
        return await worker_views.list_named_queues(conn)


async def find_served_queues(platform: Platform, actor: Actor, queues: Sequence[str]) -> dict[str, bool]:
    """Return for each of these queues whether a live worker serves it. Raises Forbidden, BadRequest."""
    permissions.require(actor, "list_workers", Target(None, "instance"))
    if len(queues) > _MAX_TAGS:
        raise BadRequest(f"A call names at most {_MAX_TAGS} queues.")
    async with platform.db.acquire() as conn:
        found = await worker_views.find_served_queues(conn, queues)
    return {queue: queue in found for queue in queues}


async def count_ended_jobs(platform: Platform, actor: Actor, horizon_s: int, workspace: str | None) -> dict[str, int]:
    """Return the number of ended jobs of the runs created in the last `horizon_s` seconds, by queue.

    `workspace`: only its jobs; None: those of all workspaces that the actor may see. Raises Forbidden.
    """
    permissions.require(actor, "list_workers", Target(None, "instance"))
    since = ids.lowest_id(clock.now() - timedelta(seconds=min(max(horizon_s, 1), MAX_HORIZON_S)))
    async with platform.db.acquire() as conn:
        mine = await _workspaces(conn, actor)
        if workspace is not None:
            mine = [workspace] if mine is None or workspace in mine else []
        return await worker_views.count_ended_by_queue(conn, since, mine)


async def count_desired_workers(platform: Platform, actor: Actor, queues: Sequence[str] | None, slots: int) -> int:
    """Return the number of workers with this number of slots that the jobs of these queues (None: all) need.

    Raises Forbidden.
    """
    permissions.require(actor, "see_all_workers", Target(None, "instance"))
    async with platform.db.acquire() as conn:
        return await worker_views.count_desired_workers(conn, queues, slots)
