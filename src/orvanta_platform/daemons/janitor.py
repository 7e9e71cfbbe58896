"""The janitor: partitions made ahead; workers, tokens, logins and other things forgotten in time; locks given up.

Its statements are safe to run by many at once.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from orvanta_platform import clock
from orvanta_platform.daemons.leader_election import lead
from orvanta_platform.db import (
    accounts,
    approvals,
    cache,
    debounce,
    erasures,
    gates,
    openings,
    partitions,
    runs,
    ticks,
    tokens,
    workers,
)
from orvanta_platform.services.maintenance import objects, retention
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import erasing, search_index
from orvanta_platform.services.runs import locks as locking

PAUSE_S = 3600.0

FIRST_SWEEP_S = 600.0
SWEEP_S = 86400.0
"""When the object storage is looked through: after the start, and then."""

INDEX_S = 5.0
"""How often it is looked whether runs are to be indexed for search."""

ERASE_S = 5.0
"""How often it is looked whether something is to be erased."""

UNNAMED_FOR = timedelta(hours=24)
"""How long an object may wait for the row that names it."""

log = structlog.get_logger(__name__)


async def run(platform: Platform) -> None:
    """Each hour; two weeks of partitions lie ahead, so that servers may be away for long."""
    while True:
        async with platform.db.acquire() as connection:
            await partitions.ensure(connection, clock.now())
            await workers.forget_ended(connection)
            await tokens.drop_expired(connection)
            await accounts.forget_old_attempts(connection)
            await openings.forget_ended(connection)
            await ticks.forget_old(connection)
            await approvals.forget(connection)
            await gates.forget(connection)
            await cache.forget(connection)
            await debounce.forget(connection)
            await erasures.forget(connection)
            await runs.forget_idempotency_keys(connection)
        await locking.settle_abandoned(platform)
        await asyncio.sleep(PAUSE_S)


async def erase(platform: Platform) -> None:
    """Every few seconds erase what is due, until nothing is."""
    while True:
        if not await erasing.erase_due(platform):
            await asyncio.sleep(ERASE_S)


async def retain(platform: Platform) -> None:
    """The process that leads lets go, each hour, what is older than it has to be kept."""
    await lead(platform, "retention", _retain)


async def _retain(platform: Platform) -> None:
    chosen = platform.settings
    while True:
        done = await retention.sweep(
            platform.db,
            platform.storage,
            retention.Policy(chosen.retention_days),
            clock.now(),
            owner_url=chosen.owner_url,
        )
        if done.partitions or done.runs:
            told = {"partitions": len(done.partitions), "runs": done.runs, "objects": done.objects}
            log.info("old history deleted", action="retention", **told)
        await asyncio.sleep(PAUSE_S)


async def index(platform: Platform) -> None:
    """The process that leads keeps what workspaces want searched."""
    await lead(platform, "search", _index)


async def _index(platform: Platform) -> None:
    indexer = search_index.Indexer(platform.settings.search_mb << 20)
    while True:
        if not await indexer.index_some(platform):
            await asyncio.sleep(INDEX_S)


async def sweep_objects(platform: Platform) -> None:
    """Each day delete the objects that a process left which died before it could name them."""
    await asyncio.sleep(FIRST_SWEEP_S)
    while True:
        dropped = await objects.delete_unreferenced(platform.db, platform.storage, clock.now() - UNNAMED_FOR)
        if dropped:
            log.info("objects without a name deleted", action="sweep_objects", objects=dropped)
        await asyncio.sleep(SWEEP_S)
