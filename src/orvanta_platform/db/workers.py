"""Rows of workers: their heartbeats and generations."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("workers")


class NewWorker(msgspec.Struct, frozen=True):
    """A worker to register; `queues` None: it serves all queues."""

    id: UUID
    name: str
    instance: str
    ip: str
    worker_group: str
    queues: list[str] | None
    slots: int
    version: str
    isolation: str


class ObservedWorker(msgspec.Struct, frozen=True):
    """A worker as seen by an observer: its generation, heartbeat, and whether it is lost."""

    id: UUID
    generation: int
    beat: int
    state: str


async def register(connection: Connection, worker: NewWorker) -> None:
    """Register a worker with generation 1. Idempotent."""
    await connection.execute(_SQL["register_worker"], *(getattr(worker, name) for name in NewWorker.__struct_fields__))


class Heartbeat(msgspec.Struct, frozen=True):
    """An accepted heartbeat; `drained`: the worker claims no jobs."""

    drained: bool
    number: int
    """Number of heartbeats of this generation in the database."""


async def record_heartbeat(
    connection: Connection, worker: UUID, generation: int, jobs_executed: int
) -> Heartbeat | None:
    """Record a heartbeat; return None if the worker's generation has ended and its jobs are no longer its own."""
    row = await connection.fetchrow(_SQL["record_heartbeat"], worker, generation, jobs_executed)
    return None if row is None else Heartbeat(**dict(row))


async def set_served(
    connection: Connection, worker: UUID, generation: int, queues: list[str] | None, slots: int
) -> None:
    """Record the queues (None: all) and the slots of a worker, unless its generation has ended."""
    await connection.execute(_SQL["set_served"], worker, generation, queues, slots)


async def set_drained(connection: Connection, worker: UUID, *, drained: bool) -> str | None:
    """Drain a live worker or let it claim again; return its name, None if there is no such worker."""
    name: str | None = await connection.fetchval(_SQL["set_drained"], worker, drained)
    return name


async def list_observed(connection: Connection) -> list[ObservedWorker]:
    """Return the workers considered live, and lost ones whose jobs may not have been requeued."""
    return [ObservedWorker(**dict(row)) for row in await connection.fetch(_SQL["list_observed"])]


async def fence_lost(connection: Connection, seen: ObservedWorker) -> bool:
    """Fence a worker whose heartbeat is unchanged since `seen`; return False if it changed or the worker is fenced."""
    row = await connection.fetchval(_SQL["fence_lost"], seen.id, seen.generation, seen.beat)
    return row is not None


async def fence_ended(connection: Connection, worker: UUID, generation: int, *, stopped: bool) -> bool:
    """Fence a worker whose process is known to have ended; return False if the worker is fenced already.

    `stopped`: it was stopped on purpose, and does not count as lost.
    """
    return await connection.fetchval(_SQL["fence_ended"], worker, generation, stopped) is not None


async def mark_reaped(connection: Connection, worker: UUID, queue: str) -> None:
    """Record that all jobs of the lost worker have been requeued, unless runs were bound to its `queue` meanwhile."""
    await connection.execute(_SQL["mark_reaped"], worker, queue)


async def reopen_recovery(connection: Connection, worker: UUID) -> None:
    """Let the jobs and runs of a worker that has ended be recovered again."""
    await connection.execute(_SQL["reopen_recovery"], worker)


async def reopen_recoveries(connection: Connection) -> None:
    """Let runs be recovered that were bound to workers after the recovery of their jobs."""
    await connection.execute(_SQL["reopen_recoveries"])


async def delete_ended(connection: Connection) -> None:
    """Delete the rows of workers that ended more than a day ago."""
    await connection.execute(_SQL["delete_ended"])


class ServingWorker(msgspec.Struct, frozen=True):
    """A worker and the queues that it serves; None: all."""

    id: UUID
    queues: list[str] | None


async def list_serving(connection: Connection, queues: Sequence[str]) -> list[ServingWorker]:
    """Return the live workers that are not drained and serve these queues, in random order."""
    return [ServingWorker(**dict(row)) for row in await connection.fetch(_SQL["list_serving"], queues)]


async def hold_live(connection: Connection, worker: UUID) -> bool:
    """Lock a worker, so that it cannot be fenced before the end of the transaction; return False if it has ended.

    Runs that the transaction binds to it are visible to the process that recovers its jobs.
    """
    return await connection.fetchval(_SQL["hold_live"], worker) is not None


async def is_live(connection: Connection, worker: UUID) -> bool:
    """Return whether the worker has not been fenced."""
    return bool(await connection.fetchval(_SQL["is_live"], worker))


async def list_bound_runs(connection: Connection, queue: str) -> list[UUID]:
    """Return the runs bound to this queue of one worker."""
    return [row["id"] for row in await connection.fetch(_SQL["list_bound_runs"], queue)]


async def is_waiting_long(connection: Connection, run: UUID) -> bool:
    """Return whether the run waits for a person, or for at least a minute."""
    return bool(await connection.fetchval(_SQL["is_waiting_long"], run))


async def bind_run(connection: Connection, run: UUID, queue: str | None) -> None:
    """Route the jobs of the locked run to this queue from now on."""
    await connection.execute(_SQL["bind_run"], run, queue)


async def move_jobs(connection: Connection, run: UUID, old: str, new: str) -> None:
    """Move the waiting jobs of the locked run from the queue `old` to `new`."""
    await connection.execute(_SQL["move_jobs"], run, old, new)
