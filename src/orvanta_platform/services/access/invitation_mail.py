"""Mails to people who are invited, sent by the mail server of the instance, if there is one.

Without a mail, the caller shows the link, or the invited person sees the invitation after the next login.
"""

from __future__ import annotations

from uuid import uuid4

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import OIDC_PROVIDERS
from orvanta_platform.services.access import instance_mail
from orvanta_platform.services.platform import Platform


async def send_link(platform: Platform, actor: Actor, email: str, link: str, *, created: bool) -> bool:
    """Mail a one-time link to the owner of an account. Return False if it was not sent.

    `created`: the account is new; otherwise its password was removed.
    """
    did = "created the account" if created else "reset the password of your account"
    text = (
        f"{actor.username} ({actor.email}) {did} {email} in Orvanta, the platform for workflows at\n"
        f"{platform.settings.base_url}.\n\n"
        f"Choose a password with this link, which is valid for 24 hours and can be used once:\n\n{link}\n\n"
        "If you do not expect this mail, ignore it.\n"
    )
    return await instance_mail.send(platform, email, "Choose a password for Orvanta", text, str(uuid4()))


async def send_invitation(platform: Platform, actor: Actor, workspace: str, email: str, *, has_account: bool) -> bool:
    """Mail an invitation to a workspace. Return False if it was not sent."""
    address = f"{platform.settings.base_url.rstrip('/')}/account"
    how = f"Log in with the address {email} to join:"
    if not has_account:
        how = f"{await _way_to_account(platform, actor, email)} Then join here:"
    text = (
        f"{actor.username} ({actor.email}) invites you to the workspace {workspace} in Orvanta.\n\n"
        f"{how}\n\n{address}\n\nIf you do not expect this mail, ignore it.\n"
    )
    return await instance_mail.send(platform, email, f"Invitation to the workspace {workspace}", text, str(uuid4()))


async def _way_to_account(platform: Platform, actor: Actor, email: str) -> str:
    """Return how the owner of an address without an account gets one."""
    domain = email.rpartition("@")[2]
    providers = (await platform.instance.get(OIDC_PROVIDERS)).values()
    by_login = [each.label for each in providers if each.sign_up and (not each.domains or domain in each.domains)]
    if by_login:
        return f"Log in with {' or '.join(by_login)} and the address {email}, which creates your account."
    return f"There is no account with the address {email} yet. Ask {actor.email} to have it created."
