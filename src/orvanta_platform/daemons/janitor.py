"""Janitor: creates partitions in advance, deletes expired rows, applies retention, and settles abandoned locks.

Its statements are safe to run concurrently.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from orvanta_platform import clock
from orvanta_platform.db import (
    accounts,
    approvals,
    cache,
    captures,
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
from orvanta_platform.services.access import audit_chain
from orvanta_platform.services.maintenance import objects, retention, statistics, usage
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import automatic_promotions
from orvanta_platform.services.run_views import erasing, search_index
from orvanta_platform.services.runs import locks as locking

PAUSE_S = 3600.0
"""Seconds between two runs of the janitor, and between two sweeps of the retention."""

FIRST_SWEEP_S = 600.0
"""Delay in seconds of the first sweep of the object storage after the start."""

SWEEP_S = 86400.0
"""Seconds between further sweeps."""

INDEX_S = 5.0
"""Seconds between checks for runs to index for search."""

ERASE_S = 5.0
"""Seconds between checks for data to erase."""

RECORD_LAG_S = 2.0
"""Seconds after the end of a minute at which its figures are recorded."""

PROMOTE_S = 60.0
"""Seconds between checks for releases to promote automatically."""

LATE_S = 2.25
"""Maximum delay, in seconds, of what waits for a lull after a poll. An idle server polls every two seconds."""

UNREFERENCED_FOR = timedelta(hours=24)
"""Minimum age of unreferenced objects that are deleted."""

log = structlog.get_logger(__name__)


async def run(platform: Platform) -> None:
    """Clean up once an hour. Partitions are created two weeks ahead, so that servers may be down for long."""
    while True:
        async with platform.db.acquire() as connection:
            await partitions.create_missing(connection, clock.now())
            await workers.reopen_recoveries(connection)
            await workers.delete_ended(connection)
            await tokens.delete_expired(connection)
            await accounts.delete_old_attempts(connection)
            await openings.delete_ended(connection)
            await ticks.delete_old(connection)
            await approvals.delete_orphans(connection)
            await gates.delete_unused(connection)
            await cache.delete_expired(connection)
            await captures.delete_old(connection)
            await debounce.delete_unused(connection)
            await erasures.delete_orphans(connection)
            await runs.delete_expired_idempotency_keys(connection)
        await locking.store_abandoned(platform)
        await asyncio.sleep(PAUSE_S)


async def erase(platform: Platform) -> None:
    """Erase due data every few seconds."""
    wait_s = 0.0
    while True:
        async with platform.polls.turn(wait_s) as connection:
            has_due = await erasures.has_due(connection)
        while has_due and await erasing.erase_due(platform):
            pass
        wait_s = ERASE_S


async def record(platform: Platform) -> None:
    """Record the figures of each minute. A duty of the leader."""
    while True:
        await statistics.record(platform)
        await usage.record(platform)
        wait_s = 60 - clock.now().timestamp() % 60 + RECORD_LAG_S
        await platform.polls.lull(wait_s + LATE_S, after_s=wait_s)


async def promote(platform: Platform) -> None:
    """Promote releases that are due, once a minute. A duty of the leader."""
    while True:
        await automatic_promotions.promote_due(platform)
        await platform.polls.lull(PROMOTE_S + LATE_S, after_s=PROMOTE_S)


async def retain(platform: Platform) -> None:
    """Delete history beyond its retention once an hour. A duty of the leader."""
    settings = platform.settings
    while True:
        done = await retention.sweep(
            platform.db,
            platform.storage,
            retention.Policy(settings.retention_days),
            clock.now(),
            owner_url=settings.owner_url,
        )
        if done.partitions or done.runs:
            counts = {"partitions": len(done.partitions), "runs": done.runs, "objects": done.objects}
            log.info("old history deleted", action="retention", **counts)
        await statistics.delete_old(platform)
        await usage.delete_old(platform)
        if rows := await audit_chain.drop_old(platform):
            log.info("old audit rows deleted", action="retention", rows=rows)
        await asyncio.sleep(PAUSE_S)


async def index(platform: Platform) -> None:
    """Index runs of workspaces with enabled search. A duty of the leader."""
    indexer = search_index.Indexer(platform.settings.search_mb << 20)
    wait_s = 0.0
    while True:
        wait_s = 0.0 if await indexer.index_some(platform, wait_s) else INDEX_S


async def sweep_objects(platform: Platform) -> None:
    """Delete unreferenced objects, left by a process that crashed before it wrote their rows, once a day."""
    await asyncio.sleep(FIRST_SWEEP_S)
    while True:
        dropped = await objects.delete_unreferenced(platform.db, platform.storage, clock.now() - UNREFERENCED_FOR)
        if dropped:
            log.info("unreferenced objects deleted", action="sweep_objects", objects=dropped)
        await asyncio.sleep(SWEEP_S)
