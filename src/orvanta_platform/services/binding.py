"""Runs whose worker is lost, where one worker was to run all of them (`steps.bound`)."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from orvanta_platform.db import runs, workers
from orvanta_platform.db.pool import Connection
from orvanta_platform.queue.claim import own_queue
from orvanta_platform.services.steps import events as inbox
from orvanta_platform.services.steps.advance import Tools, advance_all


async def release(tools: Tools, worker: UUID) -> None:
    """What was bound to a worker that is lost, and whose jobs are back, fails or is bound anew. Safe to run twice."""
    async with tools.db.acquire() as connection:
        held = await workers.runs_bound_to(connection, own_queue(worker))
    for run in held:
        await tools.db.retrying(partial(_release, run, own_queue(worker)))
    await advance_all(tools, held)


async def _release(run: UUID, queue: str, connection: Connection) -> None:
    live = await runs.lock_run(connection, run)
    if live is None or live.queue != queue:
        return
    if not await workers.waits_long(connection, run):
        await runs.put_in_inbox(connection, run, inbox.write(inbox.WorkerLost()))
        return
    other = await workers.worker_for(connection, [])
    await workers.bind_run(connection, run, own_queue(other) if other is not None else None)
