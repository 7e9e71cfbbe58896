"""Mails to people who are invited, sent by the mail server of the instance, if there is one.

Without a mail, the caller shows the link, or the invited person sees the invitation after the next login.
"""

from __future__ import annotations

from uuid import uuid4

from orvanta_platform.control.actor import Actor
from orvanta_platform.services.access import instance_mail
from orvanta_platform.services.platform import Platform


async def send_link(platform: Platform, email: str, link: str) -> bool:
    """Mail a one-time link to the owner of an account. Return False if it was not sent."""
    text = (
        f"You can choose a password for your account {email} with this link, which is valid for 24 hours and can be\n"
        f"used once:\n\n{link}\n\nIf you do not expect this mail, ignore it.\n"
    )
    return await instance_mail.send(platform, email, "Choose a password for Orvanta", text, str(uuid4()))


async def send_invitation(platform: Platform, actor: Actor, workspace: str, email: str) -> bool:
    """Mail an invitation to a workspace. Return False if it was not sent."""
    address = f"{platform.settings.base_url.rstrip('/')}/w/{workspace}/settings/profile"
    text = (
        f"{actor.username} ({actor.email}) invites you to the workspace {workspace}.\n\n"
        f"Log in with the address {email} to join:\n\n{address}\n\nIf you do not expect this mail, ignore it.\n"
    )
    return await instance_mail.send(platform, email, f"Invitation to the workspace {workspace}", text, str(uuid4()))
