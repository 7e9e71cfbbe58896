"""Daemons of a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from orvanta_platform.daemons import alerts, janitor, leader_duties, messages, timers
from orvanta_platform.daemons.background import IN_EVERY_PROCESS, running
from orvanta_platform.daemons.monitoring import monitoring
from orvanta_platform.daemons.supervision import Daemon
from orvanta_platform.services.platform import Platform

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
async def of_server(platform: Platform) -> AsyncIterator[None]:
    """Run the daemons of a server while the block is active."""
    port = platform.settings.metrics_port
    async with monitoring(platform, port, with_database=True), running(platform, IN_SERVERS):
        yield
