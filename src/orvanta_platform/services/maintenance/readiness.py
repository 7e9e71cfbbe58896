"""Readiness of a process for work."""

from __future__ import annotations

import asyncio

from orvanta_platform.db import migrate
from orvanta_platform.db.pool import CANNOT_CONNECT, TRANSIENT
from orvanta_platform.errors import OrvantaError
from orvanta_platform.services.platform import Platform

_PATIENCE_S = 2.0


async def find_obstacle(platform: Platform) -> str | None:
    """Return the reason for which this process takes no work, None if it does. Needs no actor: load balancers call it.

    The text contains no addresses and no names of the installation.
    """
    reason = platform.measurements.unready()
    if reason is not None:
        return reason
    try:
        async with asyncio.timeout(_PATIENCE_S), platform.db.acquire() as connection:
            await migrate.check_schema(connection)
    except OrvantaError as error:
        return error.message
    except (*CANNOT_CONNECT, *TRANSIENT):
        return "The database is unavailable."
    return None
