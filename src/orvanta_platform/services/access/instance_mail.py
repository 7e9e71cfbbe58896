"""Mails to people, sent by the mail server of the instance."""

from __future__ import annotations

import asyncio

import structlog

from orvanta_platform.control.instance_settings import SMTP
from orvanta_platform.outbound.ssrf import Guard
from orvanta_platform.services.platform import Platform

_TIMEOUT_S = 20

log = structlog.get_logger(__name__)


async def send(platform: Platform, to: str, subject: str, text: str, message_id: str) -> bool:
    """Send a mail to one person. Return False if there is no mail server, or if it was not sent."""
    config = await platform.instance.get(SMTP)
    if config is None:
        return False
    from orvanta_platform.outbound import smtp
    from orvanta_platform.outbound.smtp import MailServer

    server = MailServer(config.host, config.port, config.sender, config.user, config.password, config.tls)
    guard = Guard((*platform.settings.allowed_networks, *config.networks))
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await smtp.send(guard, server, [to], subject, text, message_id)
    except Exception as error:  # One mail must not end the daemon that sends all of them.
        log.warning("mail not sent", error=f"{type(error).__name__}: {error}"[:300])
        return False
    return True
