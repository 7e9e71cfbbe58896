"""Sender of notifications about open approvals, outside of the steps that queue them."""

from __future__ import annotations

import asyncio

from orvanta_platform.services.approvals import notification_queue
from orvanta_platform.services.platform import Platform

POLL_S = 1.0


async def run(platform: Platform) -> None:
    """Send due notifications once a second."""
    while True:
        if not await notification_queue.send_due(platform):
            await asyncio.sleep(POLL_S)
