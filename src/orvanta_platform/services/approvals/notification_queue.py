"""Notifications of open approvals by mail, Slack or webhook, sent at least once with a stable id."""

from __future__ import annotations

import asyncio

from orvanta_platform.db import notices as rows
from orvanta_platform.services.platform import Platform

_AT_ONCE = 20


async def send_due(platform: Platform) -> int:
    """Try to send the due notifications; returns their number."""
    async with platform.db.acquire() as conn:
        due = await rows.claim_due(conn, _AT_ONCE)
    if due:
        # Imported here because the HTTP and SMTP clients are loaded only if there is something to send.
        from orvanta_platform.services.approvals.notification_sender import send_notification

        await asyncio.gather(*(send_notification(platform, notice) for notice in due))
    return len(due)
