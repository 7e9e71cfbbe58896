"""Telling people of open approvals: by mail, Slack or webhook, at least once, each under one id."""

from __future__ import annotations

import asyncio

from orvanta_platform.db import notices as rows
from orvanta_platform.services.platform import Platform

_AT_ONCE = 20


async def send_due(platform: Platform) -> int:
    """Try to send what is due; gives how many there were."""
    async with platform.db.acquire() as conn:
        due = await rows.take(conn, _AT_ONCE)
    if due:
        # Clients of HTTP and SMTP are loaded where there is something to send.
        from orvanta_platform.services.approvals.notification_sender import tell

        await asyncio.gather(*(tell(platform, notice) for notice in due))
    return len(due)
