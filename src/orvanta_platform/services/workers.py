"""Workers as people see them."""

from __future__ import annotations

from orvanta_platform.control import permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Thing
from orvanta_platform.db import worker_views
from orvanta_platform.db.worker_views import WorkerRow
from orvanta_platform.services.platform import Platform


async def list_workers(
    platform: Platform, actor: Actor, *, seen_within_s: float | None = None, limit: int = 1000, offset: int = 0
) -> list[WorkerRow]:
    """Living workers, and with `seen_within_s` also those that ended within as many seconds; newest first."""
    permissions.require(actor, "list_workers", Thing(None, "instance"))
    async with platform.db.acquire() as conn:
        return await worker_views.list_workers(conn, seen_within_s=seen_within_s, limit=limit, offset=offset)


async def queue_counts(platform: Platform, actor: Actor) -> dict[str, int]:
    """How many jobs may start now, by queue; a queue without any is absent. Raises Forbidden."""
    permissions.require(actor, "list_workers", Thing(None, "instance"))
    async with platform.db.acquire() as conn:
        return await worker_views.queue_counts(conn)
