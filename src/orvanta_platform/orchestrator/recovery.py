"""Recovery of jobs of lost workers: they return to the queue, or are completed by their runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import msgspec

from orvanta_platform.db import jobs, runs, workers
from orvanta_platform.db.pool import Connection
from orvanta_platform.orchestrator import inbox, lost_affinity
from orvanta_platform.orchestrator.advance import Tools, advance_all
from orvanta_platform.queue.claim import own_queue

_RUNS_AT_ONCE = 50


@dataclass(slots=True)
class Recovery:
    """Result of a recovery."""

    jobs: int = 0
    """Number of requeued jobs."""
    queues: set[str] = field(default_factory=set)
    """Queues of these jobs."""
    stepped: set[UUID] = field(default_factory=set)
    """Runs that were advanced because a job may not be restarted."""


class LostAttempt(msgspec.Struct, frozen=True):
    """An attempt that a live worker cannot complete."""

    job: UUID
    run: UUID
    attempt: int


async def reap(tools: Tools, worker: UUID, generation: int, max_losses: int) -> Recovery:
    """Requeue all jobs that `worker` held at `generation`, which has ended. Idempotent, safe to run concurrently.

    A job that has already lost its worker `max_losses` times, or whose run is cancelled, is completed instead.
    """
    done = Recovery()
    while True:
        async with tools.db.acquire() as connection:
            held = await jobs.list_runs_held_by(connection, worker, generation)
        before = done.jobs + len(done.stepped)
        for start in range(0, len(held), _RUNS_AT_ONCE):
            await _reap_runs(tools, held[start : start + _RUNS_AT_ONCE], worker, generation, max_losses, done)
        tools.notify.queue(*done.queues)
        if not held:
            if await lost_affinity.release(tools, worker):
                async with tools.db.acquire() as connection:
                    await workers.mark_reaped(connection, worker, own_queue(worker))
            return done
        if done.jobs + len(done.stepped) == before:
            return done


async def requeue_stopped(tools: Tools, worker: UUID, generation: int) -> None:
    """Requeue the jobs of a worker that was stopped on purpose and whose process has ended; counts no losses."""
    done = Recovery()
    async with tools.db.acquire() as connection:
        held = await jobs.list_runs_held_by(connection, worker, generation)
    for start in range(0, len(held), _RUNS_AT_ONCE):
        await _reap_runs(tools, held[start : start + _RUNS_AT_ONCE], worker, generation, None, done)
    tools.notify.queue(*done.queues)


async def requeue_lost(
    tools: Tools, lost: Sequence[LostAttempt], worker: UUID, generation: int, max_losses: int
) -> None:
    """Requeue attempts of a live worker, each counted as a loss of its worker."""
    runs_of_jobs, done = sorted({each.run for each in lost}), Recovery()
    await _reap_runs(
        tools, runs_of_jobs, worker, generation, max_losses, done, {each.job: each.attempt for each in lost}
    )
    tools.notify.queue(*done.queues)


async def requeue_unread(tools: Tools, unread: Sequence[tuple[UUID, UUID, int]], worker: UUID, generation: int) -> None:
    """Requeue jobs that were assigned to a live worker, which has not read them; counts no losses."""
    done = Recovery()
    only = {job: attempt for job, _, attempt in unread}
    await _reap_runs(tools, sorted({run for _, run, _ in unread}), worker, generation, None, done, only)
    tools.notify.queue(*done.queues)


async def _reap_runs(
    tools: Tools,
    held: Sequence[UUID],
    worker: UUID,
    generation: int,
    max_losses: int | None,
    done: Recovery,
    only: Mapping[UUID, int] | None = None,
) -> None:
    work = partial(_requeue, held, worker, generation, max_losses, only)
    back, queues, stepping = await tools.db.retrying(work)
    done.jobs += back
    done.queues |= queues
    done.stepped |= stepping
    await advance_all(tools, stepping)


async def _requeue(
    held: Sequence[UUID],
    worker: UUID,
    generation: int,
    max_losses: int | None,
    only: Mapping[UUID, int] | None,
    connection: Connection,
) -> tuple[int, set[str], set[UUID]]:
    """Requeue or complete jobs in one transaction, which locks runs first, then their jobs, in order.

    `only` limits it to these attempts by job. `max_losses` None: the worker was stopped on purpose, no loss is counted.
    """
    locked = await jobs.lock_runs(connection, held)
    found = await jobs.lock_held_jobs(connection, list(locked), worker, generation)
    found = [job for job in found if only is None or only.get(job.id) == job.attempt]
    most = math.inf if max_losses is None else max_losses
    ending = [job for job in found if job.losses >= most or locked[job.run] is not None]
    back = [job.id for job in found if job not in ending]
    queues = await jobs.reap(connection, back, stopped=max_losses is None) if back else []
    for job in ending:
        event = inbox.JobLost(job.id, job.attempt, generation, job.losses + 1)
        await runs.insert_event(connection, job.run, inbox.write(event))
    return len(back), set(queues), {job.run for job in ending}
