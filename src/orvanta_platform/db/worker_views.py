"""Views of workers and queues."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("worker_views")


class WorkerRow(msgspec.Struct, frozen=True):
    """A worker process. `queues` None: all queues. `last_beat_s`: seconds since its last heartbeat."""

    id: UUID
    name: str
    instance: str
    ip: str
    worker_group: str
    queues: list[str] | None
    slots: int
    version: str
    isolation: str
    state: str
    jobs_executed: int
    started_at: datetime
    last_beat_s: float
    running: int
    drained: bool


class QueueRow(msgspec.Struct, frozen=True):
    """A queue that has jobs."""

    queue: str
    waiting: int
    oldest_s: float | None
    """Age in seconds of the oldest job that may start now; None if there is none."""
    running: int
    workers: int
    """Number of live workers that serve it and are not drained."""


async def list_workers(
    conn: Connection, workspaces: Sequence[str] | None, *, seen_within_s: float | None, limit: int, offset: int
) -> list[WorkerRow]:
    """Return the live workers, and with `seen_within_s` also those seen within this many seconds; newest first.

    Only jobs of `workspaces` count as running; None: all.
    """
    text = _SQL["list_workers"]
    records = await conn.fetch(text, seen_within_s, limit, offset, workspaces)
    return [WorkerRow(**dict(record)) for record in records]


async def list_queues(conn: Connection, workspaces: Sequence[str] | None) -> list[QueueRow]:
    """Return the queues that have jobs of these workspaces (None: of any), by name."""
    return [QueueRow(**dict(row)) for row in await conn.fetch(_SQL["list_queues"], workspaces)]


async def count_jobs_by_queue(conn: Connection, workspaces: Sequence[str] | None) -> dict[str, int]:
    """Return the number of jobs of these workspaces (None: all) that may start now, by queue; empty queues left out."""
    return {row["queue"]: row["jobs"] for row in await conn.fetch(_SQL["count_jobs_by_queue"], workspaces)}


async def list_named_queues(conn: Connection) -> list[str]:
    """Return the queues that live workers name, by name."""
    return [row["queue"] for row in await conn.fetch(_SQL["list_named_queues"])]


async def find_served_queues(conn: Connection, queues: Sequence[str]) -> set[str]:
    """Return those of these queues that a live worker serves."""
    return {row["queue"] for row in await conn.fetch(_SQL["find_served_queues"], list(queues))}


async def count_ended_by_queue(conn: Connection, since: UUID, workspaces: Sequence[str] | None) -> dict[str, int]:
    """Return the number of ended jobs of runs with this id or a later one, by queue; `workspaces` None: of all."""
    return {row["queue"]: row["jobs"] for row in await conn.fetch(_SQL["count_ended_by_queue"], since, workspaces)}


async def list_groups(conn: Connection) -> list[str]:
    """Return the groups of the live workers."""
    return [row["worker_group"] for row in await conn.fetch(_SQL["list_groups"])]


async def count_desired_workers(conn: Connection, queues: Sequence[str] | None, slots: int) -> int:
    """Return the number of workers with this number of slots that the jobs of these queues (None: all) need."""
    return int(await conn.fetchval(_SQL["count_desired_workers"], queues, slots))
