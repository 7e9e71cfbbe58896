"""Workers as people see them."""

from __future__ import annotations

from uuid import UUID

from orvanta_platform.control import audit, permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Thing
from orvanta_platform.db import worker_views
from orvanta_platform.db import workers as worker_rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.worker_views import QueueRow, WorkerRow
from orvanta_platform.errors import NotFound
from orvanta_platform.services.platform import Platform


async def list_workers(
    platform: Platform, actor: Actor, *, seen_within_s: float | None = None, limit: int = 1000, offset: int = 0
) -> list[WorkerRow]:
    """Living workers, and with `seen_within_s` also those that ended within as many seconds; newest first."""
    permissions.require(actor, "list_workers", Thing(None, "instance"))
    async with platform.db.acquire() as conn:
        return await worker_views.list_workers(conn, seen_within_s=seen_within_s, limit=limit, offset=offset)


async def queues(platform: Platform, actor: Actor) -> list[QueueRow]:
    """The queues that have jobs, by name. Raises Forbidden."""
    permissions.require(actor, "list_workers", Thing(None, "instance"))
    async with platform.db.acquire() as conn:
        return await worker_views.queues(conn)


async def set_drained(platform: Platform, actor: Actor, worker: UUID, *, drained: bool) -> None:
    """Let a worker claim nothing more until it is told to claim again; what it runs goes on to its end.

    It hears of it at its next beat. Raises Forbidden, and NotFound where no such worker lives.
    """
    permissions.require(actor, "drain_worker", Thing(None, "instance"))

    async def write(conn: Connection) -> None:
        name = await worker_rows.set_drained(conn, worker, drained=drained)
        if name is None:
            raise NotFound(f"No living worker has the id {worker}.")
        await audit.record(conn, actor, "workers.drain", "Updated", name, {"id": str(worker), "drained": drained})

    await platform.db.retrying(write)


async def queue_counts(platform: Platform, actor: Actor) -> dict[str, int]:
    """How many jobs may start now, by queue; a queue without any is absent. Raises Forbidden."""
    permissions.require(actor, "list_workers", Thing(None, "instance"))
    async with platform.db.acquire() as conn:
        return await worker_views.queue_counts(conn)
