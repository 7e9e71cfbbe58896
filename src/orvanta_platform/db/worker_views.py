"""Workers as they are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker process. `queues` None: every queue. `last_beat_s`: seconds since its last beat."""

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


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue that has jobs. `oldest_s`: for how long the oldest that may start now could, None where none may.

    `workers`: how many live that serve it and are not drained.
    """

    queue: str
    waiting: int
    oldest_s: float | None
    running: int
    workers: int


async def list_workers(
    conn: Connection, workspaces: Sequence[str] | None, *, seen_within_s: float | None, limit: int, offset: int
) -> list[WorkerRow]:
    """The live workers, and with `seen_within_s` also those seen within as many seconds; newest first.

    `workspaces`: those whose jobs are counted as running; None: all.
    """
    text = load("worker_views")["list_workers"].text
    records = await conn.fetch(text, seen_within_s, limit, offset, workspaces)
    return [WorkerRow(**dict(record)) for record in records]


async def queues(conn: Connection, workspaces: Sequence[str] | None) -> list[QueueRow]:
    """The queues that have jobs of these workspaces (None: of any), by name."""
    return [QueueRow(**dict(row)) for row in await conn.fetch(load("worker_views")["queues"].text, workspaces)]


async def queue_counts(conn: Connection, workspaces: Sequence[str] | None) -> dict[str, int]:
    """Numbers of jobs of these workspaces (None: all) that may start now, by queue; queues without any are absent."""
    return {
        row["queue"]: row["jobs"] for row in await conn.fetch(load("worker_views")["queue_counts"].text, workspaces)
    }
