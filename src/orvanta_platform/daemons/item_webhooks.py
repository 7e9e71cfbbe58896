"""Sender of changes of items to the webhooks of workspaces."""

from __future__ import annotations

import asyncio

from orvanta_platform.services.changes import item_webhooks
from orvanta_platform.services.platform import Platform

POLL_S = 2.0


async def run(platform: Platform) -> None:
    """Send due changes every two seconds."""
    while True:
        if not await item_webhooks.send_due(platform):
            await asyncio.sleep(POLL_S)
