"""A worker that runs in the test's process, with the settings of its group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from orvanta_platform import clock
from orvanta_platform.db import workers
from orvanta_platform.db.workers import NewWorker
from orvanta_platform.services.platform import Platform
from orvanta_platform.worker.group_settings import GroupSettings
from orvanta_platform.worker.lease import Lease
from orvanta_platform.worker.loop import Worker
from orvanta_platform.worker.runtimes.pool import Runtimes


@asynccontextmanager
async def running_worker(platform: Platform, folder: Path, isolation: str) -> AsyncIterator[GroupSettings]:
    """Run a worker of the group default that serves all queues, and claims to have this isolation level."""
    row = NewWorker(uuid4(), "w", "here", "127.0.0.1", "default", None, 4, "0", "none")
    async with platform.db.acquire() as conn:
        await workers.register(conn, row)
        beat = await workers.record_heartbeat(conn, row.id, 1, 0)
    runtimes = Runtimes(folder, [], "none")
    await runtimes.start()
    lease = Lease(row.id, 1, 3600)
    assert beat is not None
    lease.record.record_beat(clock.monotonic(), beat.number)
    worker = Worker(platform, runtimes, lease)
    running = asyncio.create_task(worker.run())
    yield GroupSettings(platform, worker, lease, isolation)
    worker.drain()
    await asyncio.wait_for(running, 60)
    await runtimes.close()
