"""Start and stop of the daemons of a process.

`server_daemons` and `worker_daemons` list them: a worker does not load those of a server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from orvanta_platform.daemons import ended_runs, reaper, trace_export
from orvanta_platform.daemons.supervision import Daemon, keep_running
from orvanta_platform.services.platform import Platform

IN_EVERY_PROCESS: tuple[Daemon, ...] = (reaper.run, ended_runs.run, trace_export.run)


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
