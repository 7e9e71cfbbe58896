"""Sending of messages about alerts and deployments by mail, Slack or webhook: at least once, with a stable id."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

import structlog

from orvanta_platform.control.alert_settings import Channel
from orvanta_platform.control.instance_settings import ALERTS, SMTP
from orvanta_platform.control.mail_settings import MailSettings
from orvanta_platform.control.masking import OpenedSecrets
from orvanta_platform.control.secrets import SecretUnreadable
from orvanta_platform.db import alerts as rows
from orvanta_platform.db.alerts import AlertMessage
from orvanta_platform.outbound import smtp
from orvanta_platform.outbound.connection_tests import ALLOWED, WITH_NETWORKS, TestFailed, explained
from orvanta_platform.outbound.messages import (
    SEND_FAILURES,
    TIMEOUT_S,
    MessageError,
    send_json,
    send_mail,
    send_slack,
)
from orvanta_platform.outbound.ssrf import Guard
from orvanta_platform.services.platform import Platform

MAX_TRIES = 8
"""Number of attempts, spread over about half an hour, after which a message is dropped."""

_AT_ONCE = 20
_TITLES = {
    "queue_age": "Jobs wait too long in the queue {}",
    "no_worker": "No worker serves the queue {}",
    "database_size": "The database is large",
    "disk": "The disk of {} is almost full",
    "failing_workflow": "{} fails",
    "group_workers": "Too few workers in the group {}",
    "lost_workers": "A worker of the group {} was lost",
    "missed_schedule": "{} started no run",
    "expiring_token": "The token {} expires soon",
    "deployment_requested": "Change of {} requested",
    "deployment_approved": "Change of {} approved",
    "deployment_rejected": "Change of {} rejected",
    "deployment_applied": "Release deployed to {}",
    "deployment_failed": "Checks in {} failed",
    "deployment_rolled_back": "{} was rolled back",
    "deployment_held": "Promotions to {} are on hold",
    "test": "Test of the channel {}",
}
_EVENTS = ("deployment_", "test")
"""Prefixes of the kinds of messages about events, which do not end."""

log = structlog.get_logger(__name__)


async def send_due(platform: Platform) -> int:
    """Try to send the messages that are due; returns their number."""
    channels = (await platform.instance.get(ALERTS)).channels
    async with platform.db.acquire() as conn:
        due = await rows.claim_due(conn, _AT_ONCE)
    await asyncio.gather(*(_process(platform, channels.get(each.channel), each) for each in due))
    return len(due)


async def _process(platform: Platform, channel: Channel | None, message: AlertMessage) -> None:
    try:
        if channel is not None:
            # Only mails of a channel without a server depend on the setting.
            server = await platform.instance.get(SMTP) if channel.uses_instance_server else None
            await deliver(platform, channel, server, message)
    except (MessageError, SecretUnreadable) as error:
        log.warning("alert not sent", action="alert", channel=message.channel, tries=message.tries, error=str(error))
        async with platform.db.transaction() as conn:
            await rows.store_failure(conn, message.channel, str(error))
            if message.tries >= MAX_TRIES:
                await rows.delete_message(conn, message.id)
        return
    async with platform.db.transaction() as conn:
        await rows.delete_failure(conn, message.channel)
        await rows.delete_message(conn, message.id)


async def deliver(
    platform: Platform,
    channel: Channel,
    server: MailSettings | None,
    message: AlertMessage,
    limit_s: float = smtp.DEADLINE_S,
) -> None:
    """Send a message to a channel.

    `server`: mail server of the instance, which sends the mails of a channel that has none. `limit_s`: time limit in
    seconds. Raises MessageError, with the reason as one sentence.
    """
    allowed = WITH_NETWORKS if channel.uses_instance_server else ALLOWED
    if channel.kind != "email":
        limit_s = min(limit_s, TIMEOUT_S)
    try:
        async with explained(allowed, limit_s):
            await _send(platform, channel, server, message)
    except TestFailed as error:
        # The address of a Slack channel or webhook is a secret, and a server may send back what it received.
        raise MessageError(OpenedSecrets(_secrets_of(channel, server)).mask_text(str(error))) from None
    except MessageError as error:
        reason = str(error)
        raise MessageError(f"{reason[:1].upper()}{reason[1:]}.") from None
    except SEND_FAILURES as error:
        raise MessageError(f"The message could not be sent: {type(error).__name__}.") from None


def _secrets_of(channel: Channel, server: MailSettings | None) -> Iterator[str]:
    yield from filter(None, (channel.password, channel.url, *channel.headers.values(), server and server.password))
    with suppress(ValueError):
        if host := urlsplit(channel.url).hostname:
            yield host


async def _send(platform: Platform, channel: Channel, server: MailSettings | None, message: AlertMessage) -> None:
    guard, title, text = Guard(platform.settings.allowed_networks), title_of(message), text_of(message)
    match channel.kind:
        case "email":
            by = channel if channel.host else server
            if by is None:
                raise MessageError("the instance has no mail server (setting smtp)")
            if isinstance(by, MailSettings):
                guard = Guard((*platform.settings.allowed_networks, *by.networks))
            mail = {"from": by.sender, "to": channel.to, "host": by.host, "port": by.port}
            login = {"user": by.user, "password": by.password, "tls": by.tls}
            await send_mail(guard, {**mail, **login}, f"[Orvanta] {title}", f"{title}.\n\n{text}\n", str(message.id))
        case "slack":
            await send_slack(guard, channel.url, f"{title}.\n{text}", str(message.id))
        case "webhook":
            body = {
                "alert": message.kind,
                "state": _state(message),
                "subject": message.subject,
                "workspace": message.workspace,
                "title": title,
                "text": text,
                "since": message.since,
                "ended_at": message.ended_at,
            }
            await send_json(guard, channel.url, body, channel.headers, str(message.id))


def _state(message: AlertMessage) -> str:
    if message.kind.startswith(_EVENTS):
        return "event"
    return "raised" if message.ended_at is None else "ended"


def title_of(message: AlertMessage) -> str:
    """Return the title of a message, one line."""
    prefix = f"{message.workspace}: " if message.workspace else ""
    title = prefix + _TITLES[message.kind].format(message.subject)
    return title if message.ended_at is None else f"Recovered: {title}"


def text_of(message: AlertMessage) -> str:
    """Return the text of a message: since when, and what to do; of an event, what happened when."""
    if message.kind.startswith(_EVENTS):
        return f"{message.detail}\n{_time(message.since)}"
    if message.ended_at is None:
        return f"Since {_time(message.since)}.\n{message.detail}"
    return f"It began at {_time(message.since)} and ended at {_time(message.ended_at)}. No action is required."


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
