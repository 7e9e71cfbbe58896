"""Mails to people who are invited, sent by the mail server of the instance, if there is one."""

from __future__ import annotations

import asyncio
import smtplib
from uuid import uuid4

import structlog

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import SMTP
from orvanta_platform.outbound import smtp
from orvanta_platform.outbound.smtp import MailServer
from orvanta_platform.outbound.ssrf import AddressRefused, Guard
from orvanta_platform.services.platform import Platform

_TIMEOUT_S = 20

log = structlog.get_logger(__name__)


async def send_link(platform: Platform, email: str, link: str) -> bool:
    """Mail a one-time link to the owner of an account. Return False if it was not sent."""
    text = (
        f"You can choose a password for your account {email} with this link, which is valid for 24 hours and can be\n"
        f"used once:\n\n{link}\n\nIf you do not expect this mail, ignore it.\n"
    )
    return await _send(platform, email, "Choose a password for Orvanta", text)


async def send_invitation(platform: Platform, actor: Actor, workspace: str, email: str) -> bool:
    """Mail an invitation to a workspace. Return False if it was not sent."""
    address = f"{platform.settings.base_url.rstrip('/')}/w/{workspace}/settings/profile"
    text = (
        f"{actor.username} ({actor.email}) invites you to the workspace {workspace}.\n\n"
        f"Log in with the address {email} to join:\n\n{address}\n\nIf you do not expect this mail, ignore it.\n"
    )
    return await _send(platform, email, f"Invitation to the workspace {workspace}", text)


async def _send(platform: Platform, to: str, subject: str, text: str) -> bool:
    config = await platform.instance.get(SMTP)
    if config is None:
        return False
    server = MailServer(config.host, config.port, config.sender, config.user, config.password, config.tls)
    guard = Guard((*platform.settings.allowed_networks, *config.networks))
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await smtp.send(guard, server, [to], subject, text, str(uuid4()))
    except (OSError, smtplib.SMTPException, AddressRefused, ValueError) as error:
        # The caller shows the link, or the invited person sees the invitation after the next login.
        log.warning("mail not sent", error=f"{type(error).__name__}: {error}"[:300])
        return False
    return True
