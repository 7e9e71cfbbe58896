"""Runs bound to one worker (`worker_affinity`) whose worker is lost."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import structlog

from orvanta_platform.db import runs, workers
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.orchestrator import inbox
from orvanta_platform.orchestrator.advance import Tools, advance_all
from orvanta_platform.orchestrator.worker_affinity import find_worker
from orvanta_platform.queue.claim import own_queue

log = structlog.get_logger(__name__)

_MAX_AROUND = 32
"""Maximum number of enclosing runs that are read; sub-workflows are at most `pinning.MAX_DEPTH` deep."""


async def release(tools: Tools, worker: UUID) -> bool:
    """Fail or rebind all runs bound to a lost worker whose jobs have been requeued. Idempotent.

    Returns False if runs remain for which there is no worker yet.
    """
    queue = own_queue(worker)
    async with tools.db.acquire() as connection:
        held = await workers.list_bound_runs(connection, queue)
    done = [await tools.db.retrying(partial(_release, tools, run, queue)) for run in held]
    await advance_all(tools, held)
    return all(done)


async def release_if_ended(tools: Tools, worker: UUID) -> None:
    """Release the runs of a worker that has ended, and let its recovery be repeated until none are left.

    Called after a run was bound to it: the process that recovered its jobs may not have seen that run. Errors are
    logged: the run exists, and the janitor repeats the recovery.
    """
    try:
        async with tools.db.acquire() as connection:
            if await workers.is_live(connection, worker):
                return
            await workers.reopen_recovery(connection, worker)
        await release(tools, worker)
    except Exception:
        log.exception("runs of an ended worker cannot be released", action="release", worker=str(worker))


async def _release(tools: Tools, run: UUID, queue: str, connection: Connection) -> bool:
    live = await runs.lock_run(connection, run)
    if live is None or live.queue != queue:
        return True
    other = await find_worker(connection, live.workspace, [])
    if await workers.is_waiting_long(connection, run):
        await workers.bind_run(connection, run, own_queue(other) if other is not None else None)
        return True
    if await _uses_shared_folder(tools, connection, live):
        await runs.insert_event(connection, run, inbox.write(inbox.WorkerLost()))
        return True
    if other is None:
        return False
    await workers.bind_run(connection, run, own_queue(other))
    await workers.move_jobs(connection, run, queue, own_queue(other))
    tools.notify.queue(own_queue(other))
    return True


async def _uses_shared_folder(tools: Tools, connection: Connection, run: RunRow) -> bool:
    """Return whether the run, or one that it belongs to, uses a shared folder, which is now lost."""
    here: RunRow | None = run
    for _ in range(_MAX_AROUND):
        if here is None:
            return False
        if (await tools.blueprints.of(connection, here)).plan.same_worker:
            return True
        here = await runs.get_live_run(connection, here.parent) if here.parent is not None else None
    return False
