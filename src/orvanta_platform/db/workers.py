"""Rows of workers: their beats and their generations."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class NewWorker:
    """A worker that announces itself; `queues` None: it serves every queue."""

    id: UUID
    name: str
    instance: str
    ip: str
    worker_group: str
    queues: list[str] | None
    slots: int
    version: str
    isolation: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What an observer sees of a worker: its generation, its beat, whether it is lost."""

    id: UUID
    generation: int
    beat: int
    state: str


async def register(connection: Connection, worker: NewWorker) -> None:
    """Announce a worker, generation 1. Safe to send again."""
    await connection.execute(
        load("workers")["register_worker"].text, *(getattr(worker, name) for name in NewWorker.__slots__)
    )


@dataclass(frozen=True, slots=True)
class Beat:
    """A beat that got through; `drained`: the worker is to claim nothing."""

    drained: bool


async def beat(connection: Connection, worker: UUID, generation: int, jobs_executed: int) -> Beat | None:
    """Say that the worker lives; None where its generation is over and what it runs is no longer its own."""
    drained = await connection.fetchval(load("workers")["beat"].text, worker, generation, jobs_executed)
    return None if drained is None else Beat(drained)


async def set_drained(connection: Connection, worker: UUID, *, drained: bool) -> str | None:
    """A living worker is to claim nothing, or to claim again; gives its name, None where there is none."""
    name: str | None = await connection.fetchval(load("workers")["set_drained"].text, worker, drained)
    return name


async def observe(connection: Connection) -> list[Observed]:
    """The workers taken for living, and the lost ones whose jobs may not be back."""
    return [Observed(**dict(row)) for row in await connection.fetch(load("workers")["observe"].text)]


async def declare_lost(connection: Connection, seen: Observed) -> bool:
    """Fence a worker whose beat stands where it was seen; False where it moved or somebody else did it."""
    row = await connection.fetchval(load("workers")["declare_lost"].text, seen.id, seen.generation, seen.beat)
    return row is not None


async def declare_gone(connection: Connection, worker: UUID, generation: int) -> bool:
    """Fence a worker whose process is known to have ended."""
    return await connection.fetchval(load("workers")["declare_gone"].text, worker, generation) is not None


async def note_reaped(connection: Connection, worker: UUID) -> None:
    """All jobs of the lost worker are back."""
    await connection.execute(load("workers")["note_reaped_worker"].text, worker)


async def forget_ended(connection: Connection) -> None:
    """Drop the rows of workers that ended more than a day ago."""
    await connection.execute(load("workers")["forget_workers"].text)


async def worker_for(connection: Connection, queues: list[str]) -> UUID | None:
    """A living worker that serves these queues; None where there is none."""
    found: UUID | None = await connection.fetchval(load("workers")["worker_for"].text, queues)
    return found


async def runs_bound_to(connection: Connection, queue: str) -> list[UUID]:
    """The runs whose jobs wait in this queue of one worker."""
    return [row["id"] for row in await connection.fetch(load("workers")["runs_bound_to"].text, queue)]


async def waits_long(connection: Connection, run: UUID) -> bool:
    """Whether nothing of the run is to be done before somebody answers, or for a minute."""
    return bool(await connection.fetchval(load("workers")["waits_long"].text, run))


async def bind_run(connection: Connection, run: UUID, queue: str | None) -> None:
    """The jobs of the run, which is locked, go to this queue from now on."""
    await connection.execute(load("workers")["bind_run"].text, run, queue)


async def move_jobs(connection: Connection, run: UUID, old: str, new: str) -> None:
    """The jobs of the run, which is locked, that wait in the queue `old` wait in `new` from now on."""
    await connection.execute(load("workers")["move_jobs"].text, run, old, new)
