"""Tells people of open approvals, beside everything else: no step waits for a mail."""

from __future__ import annotations

import asyncio

from orvanta_platform.services.approvals import notification_queue
from orvanta_platform.services.platform import Platform

LOOK_S = 1.0


async def run(platform: Platform) -> None:
    """Each second send what is due."""
    while True:
        if not await notification_queue.send_due(platform):
            await asyncio.sleep(LOOK_S)
