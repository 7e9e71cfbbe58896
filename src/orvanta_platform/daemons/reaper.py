"""Reaper: watches the heartbeats of all workers and requeues the jobs of lost ones. Needs no leader."""

from __future__ import annotations

import asyncio
import random

import structlog

from orvanta_platform import clock
from orvanta_platform.db import workers
from orvanta_platform.db.workers import ObservedWorker
from orvanta_platform.orchestrator.recovery import reap
from orvanta_platform.queue.failure_detector import Observer
from orvanta_platform.services.platform import Platform

log = structlog.get_logger(__name__)


async def run(platform: Platform) -> None:
    """Check all workers every ORVANTA_WATCH_MS, with jitter."""
    settings = platform.settings
    watch_s = settings.watch_ms / 1000
    observer = Observer(settings.lease_ms / 1000, gap_s=max(3 * watch_s, settings.lease_ms / 2000))
    while True:
        async with platform.db.acquire() as connection:
            seen = await workers.list_observed(connection)
        for worker in observer.scan(seen, clock.monotonic()):
            await _fence(platform, worker)
        for worker in seen:
            if worker.state == "lost":
                await reap(platform.tools, worker.id, worker.generation - 1, settings.max_losses)
        await asyncio.sleep(watch_s * random.uniform(0.8, 1.2))


async def _fence(platform: Platform, worker: ObservedWorker) -> None:
    """Declare a worker lost and requeue its jobs.

    Only the winner of the compare-and-set requeues immediately; if it crashes, the others find a lost worker.
    """
    async with platform.db.acquire() as connection:
        won = await workers.fence_lost(connection, worker)
    if won:
        platform.measurements.lost_workers.add()
        done = await reap(platform.tools, worker.id, worker.generation, platform.settings.max_losses)
        log.warning("worker lost", action="reap", worker=str(worker.id), jobs=done.jobs, ended=len(done.stepped))
