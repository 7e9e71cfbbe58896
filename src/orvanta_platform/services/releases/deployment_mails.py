"""Mails about requests to deploy: to approvers or assignees when one is made, to the author when others decide on
it or checks after it fail.

They are queued in the transaction of the event, and sent at least once with a stable id. They contain no content of the
release, which a recipient may not be able to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orvanta_platform.control.instance_settings import SMTP
from orvanta_platform.db import deployment_mails as rows
from orvanta_platform.db.deployment_mails import DueMail
from orvanta_platform.services.access import instance_mail
from orvanta_platform.services.platform import Platform

MAX_TRIES: Final = 8
"""Number of attempts, spread over about half an hour, after which a mail is dropped."""

_AT_ONCE: Final = 20
_TEXTS: Final[Mapping[str, str]] = {
    "requested": "{user} asks you to approve the deployment of release {number} of {source} to {environment}.",
    "approved": "{user} approved your request to deploy release {number} of {source} to {environment}.",
    "rejected": "{user} rejected your request to deploy release {number} of {source} to {environment}.",
    "applied": "{user} deployed release {number} of {source} to {environment}, as you requested.",
    "failed": "The checks after the deployment of release {number} of {source} to {environment}, which you requested, "
    "failed.",
}
_ROLLBACK_TEXTS: Final[Mapping[str, str]] = {
    "requested": "{user} asks you to approve the rollback of {environment} to release {number} of {source}.",
    "approved": "{user} approved your request to roll back {environment} to release {number} of {source}.",
    "rejected": "{user} rejected your request to roll back {environment} to release {number} of {source}.",
    "applied": "{user} rolled back {environment} to release {number} of {source}, as you requested.",
}
"""Texts about rollbacks, after which there are no checks."""


async def send_due(platform: Platform) -> int:
    """Try to send the mails that are due; return their number. Without a mail server they are dropped."""
    async with platform.db.acquire() as conn:
        due = await rows.claim_due(conn, _AT_ONCE)
    has_server = bool(due) and await platform.instance.get(SMTP) is not None
    for each in due:
        is_done = not (has_server and each.is_current) or await _send(platform, each) or each.tries >= MAX_TRIES
        if is_done:
            async with platform.db.acquire() as conn:
                await rows.delete(conn, each.id)
    return len(due)


async def _send(platform: Platform, mail: DueMail) -> bool:
    base = f"{platform.settings.base_url.rstrip('/')}/w/{mail.workspace}/environments/{mail.environment}"
    names = {"number": mail.number, "source": mail.source, "environment": mail.environment}
    if mail.is_rollback:
        texts, subject = _ROLLBACK_TEXTS, "Rollback of {environment} to release {number} of {source}"
    else:
        texts, subject = _TEXTS, "Release {number} of {source} to {environment}"
    what = texts[mail.event].format(user=mail.username, **names)
    subject = f"{subject.format(**names)}: {mail.event}"
    text = f"{what}\n\n{base}/requests/{mail.request}\n"
    return await instance_mail.send(platform, mail.email, subject, text, str(mail.id))
