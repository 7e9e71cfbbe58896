"""Starter of the error handlers of failed runs."""

from __future__ import annotations

import asyncio

from orvanta_platform.services.platform import Platform
from orvanta_platform.services.triggers import error_handlers

POLL_S = 2.0


async def run(platform: Platform) -> None:
    """Start due error handlers, every two seconds."""
    while True:
        if not await error_handlers.start_due(platform):
            await asyncio.sleep(POLL_S)
