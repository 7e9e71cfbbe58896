"""Mail by SMTP, restricted to servers with checked addresses."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from orvanta_platform.outbound.ssrf import Guard

TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True, repr=False)
class MailServer:
    """Outgoing mail server."""

    host: str
    port: int
    sender: str
    user: str | None = None
    password: str | None = None
    tls: str = "starttls"
    """One of starttls, implicit, none."""


async def send(guard: Guard, server: MailServer, to: list[str], subject: str, text: str, message_id: str) -> None:
    """Send one mail. Raises OSError, smtplib.SMTPException, AddressRefused, ValueError for an invalid address."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = server.sender, ", ".join(to), subject
    mail["Message-ID"] = f"<{message_id}@orvanta>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    address = (await guard.addresses(server.host, server.port))[0]
    await asyncio.to_thread(_deliver, server, address, mail)


async def log_in(guard: Guard, server: MailServer) -> None:
    """Connect and log in without sending a mail. Raises as `send`."""
    address = (await guard.addresses(server.host, server.port))[0]
    await asyncio.to_thread(_deliver, server, address, None)


def _deliver(server: MailServer, address: str, mail: EmailMessage | None) -> None:
    context = ssl.create_default_context()
    client = _Implicit(server, address, context) if server.tls == "implicit" else _Plain(server, address)
    with client:
        if server.tls == "starttls":
            client.starttls(context=context)
        if server.user:
            client.login(server.user, server.password or "")
        if mail is None:
            client.noop()
        else:
            client.send_message(mail)


class _Plain(smtplib.SMTP):
    """SMTP client that connects to the checked address and verifies the server by its name."""

    def __init__(self, server: MailServer, address: str) -> None:
        self._address = address
        super().__init__(server.host, server.port, timeout=TIMEOUT_S)

    def _get_socket(self, host: Any, port: Any, timeout: Any) -> socket.socket:
        return socket.create_connection((self._address, port), timeout)


class _Implicit(smtplib.SMTP):
    """SMTP client with TLS from the first byte."""

    def __init__(self, server: MailServer, address: str, context: ssl.SSLContext) -> None:
        self._address, self._context = address, context
        super().__init__(server.host, server.port, timeout=TIMEOUT_S)

    def _get_socket(self, host: Any, port: Any, timeout: Any) -> socket.socket:
        plain = socket.create_connection((self._address, port), timeout)
        return self._context.wrap_socket(plain, server_hostname=str(host))
