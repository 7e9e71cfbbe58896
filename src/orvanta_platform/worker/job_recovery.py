"""Recovery of the jobs of a worker that has stopped or was lost, by its supervisor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from msgspec.structs import replace

from orvanta_platform.control import keys as instance_keys
from orvanta_platform.db import jobs
from orvanta_platform.db.notify import Listener, Notifier
from orvanta_platform.db.pool import Database
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.orchestrator import recovery
from orvanta_platform.orchestrator.advance import Tools
from orvanta_platform.orchestrator.blueprints import Blueprints
from orvanta_platform.orchestrator.recovery import reap
from orvanta_platform.orchestrator.sizes import Sizes
from orvanta_platform.settings import Settings
from orvanta_platform.storage import Storage


async def requeue_lost_jobs(
    settings: Settings, storage: Storage, database: Database, worker: UUID, generation: int
) -> None:
    """Requeue the jobs that a lost worker held at this generation; each counts one loss.

    Raises errors of the database.
    """
    async with _tools(settings, storage, database) as tools:
        await reap(tools, worker, generation, settings.max_losses)


async def requeue_stopped_jobs(
    settings: Settings, storage: Storage, database: Database, worker: UUID, generation: int
) -> None:
    """Requeue the jobs of a worker that was stopped on purpose, without losses, before it is declared lost.

    Raises errors of the database.
    """
    async with _tools(settings, storage, database) as tools:
        await recovery.requeue_stopped(tools, worker, generation)


async def requeue_unread_jobs(
    settings: Settings, storage: Storage, database: Database, worker: UUID, generation: int, silent_s: float
) -> None:
    """Requeue, without losses, the jobs that were assigned to a live worker in the last `silent_s` seconds.

    Raises errors of the database.
    """
    async with database.acquire() as connection:
        unread = await jobs.list_unread(connection, worker, generation, silent_s)
    if unread:
        async with _tools(settings, storage, database) as tools:
            await recovery.requeue_unread(tools, unread, worker, generation)


@asynccontextmanager
async def _tools(settings: Settings, storage: Storage, database: Database) -> AsyncIterator[Tools]:
    listener = Listener(database)
    await listener.start()
    evaluator = Evaluator()
    try:
        keys = instance_keys.load(settings)
        tools = Tools(database, storage, Blueprints(), Notifier(listener), keys, evaluator)
        yield replace(tools, sizes=Sizes(settings.result_limit), cancel_grace_s=settings.cancel_grace_ms / 1000)
        await tools.notify.flush()
    finally:
        await evaluator.close()
        await listener.close()
