"""Periodic check of the conditions of alerts, and the sender of their messages."""

from __future__ import annotations

from orvanta_platform import clock
from orvanta_platform.control.instance_settings import ALERTS
from orvanta_platform.services.maintenance import alerts
from orvanta_platform.services.platform import Platform

CHECK_S = 15.0


async def run(platform: Platform) -> None:
    """Check the conditions every 15 seconds, and send the messages that are due, unless there is nothing to do."""
    wait_s = 0.0
    while True:
        if await alerts.await_check(platform, wait_s):
            await alerts.check(platform)
            if (await platform.instance.get(ALERTS)).channels:
                # Imported here because the HTTP client is loaded only if there are channels.
                from orvanta_platform.services.maintenance import alert_sender

                # Messages that cannot be sent quickly do not delay the next check for long.
                until = clock.monotonic() + CHECK_S
                while await alert_sender.send_due(platform) and clock.monotonic() < until:
                    pass
        wait_s = CHECK_S
