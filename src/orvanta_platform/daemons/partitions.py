"""Makes the weekly partitions of history ahead of time, and forgets workers that ended long ago."""

from __future__ import annotations

import asyncio

from orvanta_platform import clock
from orvanta_platform.db import partitions, workers
from orvanta_platform.services.platform import Platform

PAUSE_S = 3600.0


async def run(platform: Platform) -> None:
    """Each hour; two weeks lie ahead, so that a server may be away for long."""
    while True:
        async with platform.db.acquire() as connection:
            await partitions.ensure(connection, clock.now())
            await workers.forget_ended(connection)
        await asyncio.sleep(PAUSE_S)
