"""Mails to people who are invited, sent by the mail server of the instance, if there is one.

Without a mail, the caller shows the link, or the invited person sees the invitation after the next login. Nobody gets a
mail that cannot be used: an address without an account is invited by the mail with the link to its new account.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import OIDC_PROVIDERS
from orvanta_platform.services.access import instance_mail
from orvanta_platform.services.platform import Platform


async def send_link(
    platform: Platform, actor: Actor, email: str, link: str, *, created: bool, invited_to: Sequence[str] = ()
) -> bool:
    """Mail a one-time link to the owner of an account. Return False if it was not sent.

    `created`: the account is new; otherwise its password was removed. `invited_to`: workspaces that have invited it.
    """
    did = "created the account" if created else "reset the password of your account"
    invited = f"After that, you can join {_workspaces(invited_to)}, to which you are invited.\n\n" if invited_to else ""
    text = (
        f"{actor.username} ({actor.email}) {did} {email} in Orvanta, the platform for workflows at\n"
        f"{platform.settings.base_url}.\n\n"
        f"Choose a password with this link, which is valid for 24 hours and can be used once:\n\n{link}\n\n"
        f"{invited}If you do not expect this mail, ignore it.\n"
    )
    return await instance_mail.send(platform, email, "Choose a password for Orvanta", text, str(uuid4()))


async def list_sign_ups(platform: Platform, email: str) -> list[str]:
    """Return the labels of the providers that create an account at the first login with this address."""
    domain = email.rpartition("@")[2]
    providers = (await platform.instance.get(OIDC_PROVIDERS)).values()
    return [each.label for each in providers if each.sign_up and (not each.domains or domain in each.domains)]


async def send_invitation(
    platform: Platform, actor: Actor, workspace: str, email: str, *, sign_ups: Sequence[str]
) -> bool:
    """Mail an invitation to a workspace. Return False if it was not sent.

    `sign_ups`: providers that create the account at the first login; empty if there is an account.
    """
    how = f"Log in with the address {email} to join:"
    if sign_ups:
        by = " or ".join(sign_ups)
        how = f"Log in with {by} and the address {email}, which creates your account. Then join here:"
    text = (
        f"{actor.username} ({actor.email}) invites you to the workspace {workspace} in Orvanta.\n\n"
        f"{how}\n\n{platform.settings.base_url.rstrip('/')}/account\n\n"
        "If you do not expect this mail, ignore it.\n"
    )
    return await instance_mail.send(platform, email, f"Invitation to the workspace {workspace}", text, str(uuid4()))


def _workspaces(names: Sequence[str]) -> str:
    return f"the workspace {names[0]}" if len(names) == 1 else f"the workspaces {', '.join(names)}"
