"""Messages to people and programs: by mail, to a Slack webhook, or as JSON to a URL."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Mapping
from typing import Any

import httpcore
import msgspec

from orvanta_platform.outbound import smtp
from orvanta_platform.outbound.http import pool
from orvanta_platform.outbound.smtp import MailServer
from orvanta_platform.outbound.ssrf import AddressRefused, Guard

TIMEOUT_S = 20.0
"""Time limit of sending a message to a URL in seconds."""


class MessageError(Exception):
    """The message could not be sent. The text gives the reason without secrets."""


SEND_FAILURES: tuple[type[Exception], ...] = (
    *(MessageError, AddressRefused, OSError, smtplib.SMTPException, ValueError, TimeoutError),
    *(httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.UnsupportedProtocol),
)
"""Errors of sending a message."""


async def send_mail(guard: Guard, settings: Mapping[str, Any], subject: str, text: str, message_id: str) -> None:
    """Send a mail with the settings of a resource: host, port, from, to, user, password, tls. Raises SEND_FAILURES."""
    to = settings.get("to")
    addresses = [each.strip() for each in (to.split(",") if isinstance(to, str) else to or ()) if str(each).strip()]
    host, user = settings.get("host"), settings.get("user") or settings.get("username")
    if not addresses or not isinstance(host, str):
        raise MessageError("a mail resource needs host and to")
    server = MailServer(
        host=host,
        port=int(settings.get("port") or 587),
        sender=str(settings.get("from") or user or addresses[0]),
        user=str(user) if user else None,
        password=str(settings.get("password") or ""),
        tls=str(settings.get("tls") or "starttls"),
    )
    line = " ".join(subject.splitlines())
    await smtp.send(guard, server, addresses, line, text, message_id)


async def send_slack(guard: Guard, url: Any, text: str, message_id: str) -> None:
    """Send a text to an incoming webhook of Slack. Raises SEND_FAILURES."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    await send_json(guard, url, {"text": plain}, {}, message_id)


async def send_json(guard: Guard, url: Any, body: Any, headers: Mapping[str, Any], message_id: str) -> None:
    """Post a JSON body to a URL, with the id as `Idempotency-Key`. Raises SEND_FAILURES."""
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise MessageError("the resource has no url")
    sent = {str(name): str(value) for name, value in headers.items()}
    sent |= {"Content-Type": "application/json", "Idempotency-Key": message_id}
    request: dict[str, Any] = {"headers": list(sent.items()), "content": msgspec.json.encode(body)}
    async with (
        asyncio.timeout(TIMEOUT_S),
        pool(guard) as connections,
        connections.stream("POST", url, **request) as answer,
    ):
        status = answer.status  # the body is not read, as it may be endless
    if not 200 <= status < 300:
        raise MessageError(f"the server responded with status {status}")
