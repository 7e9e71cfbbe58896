"""Sender of mails about deployments, apart from the check of alerts, which must not wait for a mail server."""

from __future__ import annotations

import asyncio

from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import deployment_mails

POLL_S = 15.0


async def run(platform: Platform) -> None:
    """Send due mails every 15 seconds."""
    while True:
        while await deployment_mails.send_due(platform):
            pass
        await asyncio.sleep(POLL_S)
