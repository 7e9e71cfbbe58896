"""The janitor: partitions of history made ahead of time; workers, tokens and failed logins forgotten in time.

Its statements are safe to run by many at once.
"""

from __future__ import annotations

import asyncio

from orvanta_platform import clock
from orvanta_platform.db import accounts, partitions, tokens, workers
from orvanta_platform.services.platform import Platform

PAUSE_S = 3600.0


async def run(platform: Platform) -> None:
    """Each hour; two weeks of partitions lie ahead, so that servers may be away for long."""
    while True:
        async with platform.db.acquire() as connection:
            await partitions.ensure(connection, clock.now())
            await workers.forget_ended(connection)
            await tokens.drop_expired(connection)
            await accounts.forget_old_attempts(connection)
        await asyncio.sleep(PAUSE_S)
