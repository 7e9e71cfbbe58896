"""Reaper: watches the heartbeats of all workers and requeues the jobs of lost ones. Needs no leader."""

from __future__ import annotations

import asyncio
from uuid import UUID

import msgspec
import structlog

from orvanta_platform import clock
from orvanta_platform.db import workers
from orvanta_platform.db.workers import ObservedWorker
from orvanta_platform.orchestrator.recovery import reap
from orvanta_platform.queue.failure_detector import Observer
from orvanta_platform.services.platform import Platform

log = structlog.get_logger(__name__)


async def run(platform: Platform) -> None:
    """Watch all workers and recover the jobs of lost ones, independently of each other.

    A recovery that fails or waits for locks must not interrupt the observation of the heartbeats.
    """
    lost = _LostWorkers()
    async with asyncio.TaskGroup() as group:
        group.create_task(_watch(platform, lost))
        group.create_task(_recover(platform, lost))


class _LostWorker(msgspec.Struct, frozen=True):
    """A worker that is lost; `generation`: the one at which it held its jobs."""

    id: UUID
    generation: int
    is_new: bool
    """True if this process declared it lost."""


class _LostWorkers:
    """Workers whose jobs are to be recovered."""

    def __init__(self) -> None:
        self._waiting: dict[UUID, _LostWorker] = {}
        self._event = asyncio.Event()

    def add(self, worker: _LostWorker) -> None:
        """Add a worker, unless it waits already."""
        self._waiting.setdefault(worker.id, worker)
        self._event.set()

    async def take(self) -> _LostWorker:
        """Wait for a worker and remove it. New ones precede those whose recovery may have failed before."""
        while not self._waiting:
            self._event.clear()
            await self._event.wait()
        worker = max(self._waiting.values(), key=lambda each: each.is_new)
        return self._waiting.pop(worker.id)


async def _watch(platform: Platform, lost: _LostWorkers) -> None:
    """Check all workers every ORVANTA_WATCH_MS."""
    settings = platform.settings
    watch_s = settings.watch_ms / 1000
    observer = Observer(settings.lease_ms / 1000, gap_s=max(3 * watch_s, settings.lease_ms / 2000))
    wait_s = 0.0
    while True:
        async with platform.polls.turn(wait_s) as connection:
            seen = await workers.list_observed(connection)
        for worker in observer.scan(seen, clock.monotonic()):
            if await _fence(platform, worker):
                lost.add(_LostWorker(worker.id, worker.generation, is_new=True))
        for worker in seen:
            if worker.state == "lost":
                lost.add(_LostWorker(worker.id, worker.generation - 1, is_new=False))
        wait_s = watch_s


async def _fence(platform: Platform, worker: ObservedWorker) -> bool:
    """Declare a worker lost; return whether this process did.

    Only the winner of the compare-and-set requeues its jobs immediately; if it crashes, the others find a lost worker.
    """
    try:
        async with platform.db.acquire() as connection:
            won = await workers.fence_lost(connection, worker)
    except Exception as error:
        log.warning("cannot declare a worker lost", action="fence", worker=str(worker.id), error=repr(error))
        return False
    if won:
        platform.measurements.lost_workers.add()
    return won


async def _recover(platform: Platform, lost: _LostWorkers) -> None:
    """Requeue the jobs of lost workers. The next check finds a worker again whose recovery failed."""
    while True:
        worker = await lost.take()
        try:
            done = await reap(platform.tools, worker.id, worker.generation, platform.settings.max_losses)
        except Exception as error:
            log.warning("cannot requeue a lost worker's jobs", action="reap", worker=str(worker.id), error=repr(error))
            continue
        if worker.is_new or done.jobs or done.stepped:
            log.warning("worker lost", action="reap", worker=str(worker.id), jobs=done.jobs, ended=len(done.stepped))
