"""Mail by SMTP, restricted to servers with checked addresses."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from orvanta_platform.outbound.ssrf import Guard
from orvanta_platform.units import size_text

TIMEOUT_S = 20.0
"""Time limit of connecting, and of each part of a reply."""
DEADLINE_S = 60.0
"""Time limit of everything, after which the connection is shut down."""

_MAX_REPLIES = 64 << 10
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="smtp")


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


async def send(guard: Guard, server: MailServer, to: list[str], subject: str, text: str, message_id: str) -> str:
    """Send one mail, and return the reply of the server that accepted it.

    Raises OSError, also after DEADLINE_S, smtplib.SMTPException, AddressRefused, ValueError for an invalid address.
    """
    mail = EmailMessage()
    try:
        mail["From"], mail["To"] = server.sender, ", ".join(to)
    except (AttributeError, IndexError) as error:  # The parser of the library fails for a group with a domain.
        raise ValueError("an address is invalid") from error
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{message_id}@orvanta>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return await _in_thread(guard, server, mail)


async def log_in(guard: Guard, server: MailServer) -> None:
    """Connect and log in without sending a mail. Raises as `send`."""
    await _in_thread(guard, server, None)


class _Connection:
    """Connection that can be shut down from outside the thread that uses it, which then ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_shut = False

    def open(self, address: str, port: int) -> socket.socket:
        """Connect. Raises OSError, also after `shut`."""
        made = socket.create_connection((address, port), TIMEOUT_S)
        with self._lock:
            if self._is_shut:
                made.close()
                raise ConnectionAbortedError("the time limit is over")
            # TLS takes over the descriptor of the socket: a copy of it still reaches the connection.
            self._socket = made.dup()
        return made

    def shut(self) -> None:
        """Shut the connection down, or prevent it."""
        with self._lock:
            self._is_shut = True
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
                self._socket.close()
                self._socket = None


async def _in_thread(guard: Guard, server: MailServer, mail: EmailMessage | None) -> str:
    connection = _Connection()
    try:
        async with asyncio.timeout(DEADLINE_S):
            address = (await guard.addresses(server.host, server.port))[0]
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(_threads, _deliver, server, address, connection, mail)
    finally:
        connection.shut()


def _deliver(server: MailServer, address: str, connection: _Connection, mail: EmailMessage | None) -> str:
    """Send a mail, or only log in, and return the reply to the mail."""
    context = ssl.create_default_context() if server.tls != "none" else None
    with _Client(server, address, connection, context) as client:
        if server.tls == "starttls":
            client.starttls(context=context)
        if server.user:
            client.login(server.user, server.password or "")
        if mail is None:
            client.noop()
        else:
            client.send_message(mail)
    return client.accepted


class _Client(smtplib.SMTP):
    """SMTP client that connects to the checked address and verifies the server by its name."""

    def __init__(
        self, server: MailServer, address: str, connection: _Connection, context: ssl.SSLContext | None
    ) -> None:
        self._address, self._connection = address, connection
        self._context = context if server.tls == "implicit" else None
        self._left = _MAX_REPLIES
        self.accepted = ""
        """Reply to the last mail."""
        super().__init__(server.host, server.port, timeout=TIMEOUT_S)

    def _get_socket(self, host: Any, port: Any, timeout: Any) -> socket.socket:
        plain = self._connection.open(self._address, port)
        return plain if self._context is None else self._context.wrap_socket(plain, server_hostname=str(host))

    def getreply(self) -> tuple[int, bytes]:
        """Return the next reply. The size of all replies is limited; the library limits that of a line only."""
        if self.file is None and self.sock is not None:
            self.file = _Limited(self.sock.makefile("rb"), self)
        return super().getreply()

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Send the text of a mail, and return the reply."""
        code, text = super().data(msg)
        self.accepted = f"{code} {text.decode(errors='replace')}"
        return code, text

    def count(self, size: int) -> None:
        """Count received bytes. Raises OSError over the limit."""
        self._left -= size
        if self._left < 0:
            raise OSError(f"the server sent more than {size_text(_MAX_REPLIES)}")


class _Limited:
    """Lines of a connection, counted by its client."""

    def __init__(self, file: Any, client: _Client) -> None:
        self._file, self._client = file, client

    def readline(self, size: int) -> bytes:
        line: bytes = self._file.readline(size)
        self._client.count(len(line))
        return line

    def close(self) -> None:
        self._file.close()
