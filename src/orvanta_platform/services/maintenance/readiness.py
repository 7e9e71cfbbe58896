"""Health of the database, and readiness of a process for work."""

from __future__ import annotations

import asyncio

from orvanta_platform import clock
from orvanta_platform.db import migrate, workspaces
from orvanta_platform.db.pool import CANNOT_CONNECT, TRANSIENT
from orvanta_platform.db.workspaces import Health
from orvanta_platform.errors import OrvantaError
from orvanta_platform.services.platform import Platform

_TIMEOUT_S = 2.0
_MAX_AGE_S = 1.0
"""Time in seconds for which a check of the database answers further calls, which need no token."""


async def find_obstacle(platform: Platform) -> str | None:
    """Return the reason for which this process takes no work, None if it does. Needs no actor: load balancers call it.

    The text contains no addresses and no names of the installation.
    """
    reason = platform.measurements.unready()
    if reason is not None:
        return reason
    check = platform.database_check
    async with check.lock:
        if clock.monotonic() - check.at > _MAX_AGE_S:
            check.obstacle = await _find_database_obstacle(platform)
            check.at = clock.monotonic()
        return check.obstacle


async def get_health(platform: Platform) -> Health | None:
    """Return the health of the database, or None if it does not respond. Needs no actor: load balancers call it."""
    check = platform.database_check
    async with check.lock:
        if clock.monotonic() - check.health_at > _MAX_AGE_S:
            check.health = await _read_health(platform)
            check.health_at = clock.monotonic()
        return check.health


async def _read_health(platform: Platform) -> Health | None:
    try:
        async with asyncio.timeout(_TIMEOUT_S), platform.db.acquire() as connection:
            return await workspaces.get_health(connection)
    except (*CANNOT_CONNECT, *TRANSIENT):
        return None


async def _find_database_obstacle(platform: Platform) -> str | None:
    try:
        async with asyncio.timeout(_TIMEOUT_S), platform.db.acquire() as connection:
            await migrate.check_schema(connection)
    except OrvantaError as error:
        return error.message
    except (*CANNOT_CONNECT, *TRANSIENT):
        return "The database is unavailable."
    return None
