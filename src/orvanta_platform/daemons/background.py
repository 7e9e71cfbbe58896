"""Start and stop of the daemons of a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from orvanta_platform.daemons import (
    alerts,
    audit_chain,
    deployment_mails,
    error_handlers,
    git,
    item_webhooks,
    janitor,
    notices,
    reaper,
    run_counts,
    scheduler,
    timers,
    trace_export,
)
from orvanta_platform.daemons.monitoring import monitoring
from orvanta_platform.services.platform import Platform

Daemon = Callable[[Platform], Awaitable[None]]

IN_EVERY_PROCESS: tuple[Daemon, ...] = (reaper.run, timers.run, run_counts.run, trace_export.run)
IN_SERVERS: tuple[Daemon, ...] = (
    *IN_EVERY_PROCESS,
    janitor.run,
    janitor.erase,
    janitor.retain,
    janitor.index,
    janitor.sweep_objects,
    notices.run,
    error_handlers.run,
    alerts.run,
    deployment_mails.run,
    audit_chain.run,
    scheduler.run,
    git.run,
    item_webhooks.run,
)

log = structlog.get_logger(__name__)


@asynccontextmanager
async def running(platform: Platform, daemons: tuple[Daemon, ...]) -> AsyncIterator[None]:
    """Run the daemons while the block is active."""
    tasks = [asyncio.create_task(_guard(daemon, platform), name=daemon.__module__) for daemon in daemons]
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
    async with monitoring(platform, port, with_database=False), running(platform, IN_EVERY_PROCESS):
        yield


@asynccontextmanager
async def of_server(platform: Platform) -> AsyncIterator[None]:
    """Run the daemons of a server while the block is active."""
    port = platform.settings.metrics_port
    async with monitoring(platform, port, with_database=True), running(platform, IN_SERVERS):
        yield


async def _guard(daemon: Daemon, platform: Platform) -> None:
    """Log the failure of a daemon and restart it, so that it does not terminate the process."""
    while True:
        try:
            await daemon(platform)
        except Exception as error:
            log.warning("daemon failed", action="daemon", daemon=daemon.__module__, error=repr(error))
            await asyncio.sleep(1)
