"""Daemons of a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from orvanta_platform.daemons import timers
from orvanta_platform.daemons.background import IN_EVERY_PROCESS, running
from orvanta_platform.daemons.monitoring import monitoring
from orvanta_platform.daemons.supervision import Daemon
from orvanta_platform.services.platform import Platform

IN_WORKERS: tuple[Daemon, ...] = (*IN_EVERY_PROCESS, timers.run_in_worker)


@asynccontextmanager
async def of_worker(platform: Platform) -> AsyncIterator[None]:
    """Run the daemons of a worker while the block is active."""
    port = platform.settings.worker_metrics_port
    async with monitoring(platform, port, with_database=False), running(platform, IN_WORKERS):
        yield
