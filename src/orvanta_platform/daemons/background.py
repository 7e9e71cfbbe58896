"""Start and stop of the daemons of a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from orvanta_platform.daemons import (
    alerts,
    janitor,
    leader_duties,
    messages,
    reaper,
    run_counts,
    timers,
    trace_export,
)
from orvanta_platform.daemons.monitoring import monitoring
from orvanta_platform.daemons.supervision import Daemon, keep_running
from orvanta_platform.services.platform import Platform

IN_EVERY_PROCESS: tuple[Daemon, ...] = (reaper.run, run_counts.run, trace_export.run)
IN_WORKERS: tuple[Daemon, ...] = (*IN_EVERY_PROCESS, timers.run_in_worker)
IN_SERVERS: tuple[Daemon, ...] = (
    *IN_EVERY_PROCESS,
    timers.run,
    janitor.run,
    janitor.erase,
    janitor.sweep_objects,
    messages.run,
    alerts.run,
    leader_duties.run,
)


@asynccontextmanager
async def running(platform: Platform, daemons: tuple[Daemon, ...]) -> AsyncIterator[None]:
    """Run the daemons while the block is active."""
    tasks = [asyncio.create_task(keep_running(daemon, platform), name=daemon.__module__) for daemon in daemons]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def of_worker(platform: Platform) -> AsyncIterator[None]:
    """Run the daemons of a worker while the block is active."""
    port = platform.settings.worker_metrics_port
    async with monitoring(platform, port, with_database=False), running(platform, IN_WORKERS):
        yield


@asynccontextmanager
async def of_server(platform: Platform) -> AsyncIterator[None]:
    """Run the daemons of a server while the block is active."""
    port = platform.settings.metrics_port
    async with monitoring(platform, port, with_database=True), running(platform, IN_SERVERS):
        yield
