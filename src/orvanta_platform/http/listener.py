"""The server's listening socket, which no other process can share."""

from __future__ import annotations

import errno
import os
import socket
from types import TracebackType
from typing import Self

import structlog

from orvanta_platform.errors import PortTaken

BACKLOG = 1024

_TWINS = {"127.0.0.1": "::1", "0.0.0.0": "::", "::1": "127.0.0.1"}
"""Address of the other family that clients may use for the same host name."""

log = structlog.get_logger(__name__)


class Listener:
    """A listening socket, and one that only reserves the port on the twin address, if there is one.

    Neither has SO_REUSEPORT, so a second listener fails. Without the second socket, another process of this machine
    could answer clients of `localhost` on [::1].
    """

    def __init__(self, host: str, port: int, sockets: list[socket.socket]) -> None:
        self.host = host
        self.port = port
        self._sockets = sockets

    def detached(self) -> int:
        """Return a duplicate descriptor of the listening socket, which the caller closes."""
        return os.dup(self._sockets[0].fileno())

    def close(self) -> None:
        """Close this object's sockets."""
        for each in self._sockets:
            each.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def listen(host: str, port: int) -> Listener:
    """Listen on an address of this machine. Raises PortTaken."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        main = socket.socket(family, kind)
        try:
            main.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            main.bind(address)
            main.listen(BACKLOG)
        except OSError:
            main.close()
            raise
    except OSError as error:
        raise PortTaken(
            f"The server cannot listen on {host}:{port}: {error.strerror}.",
            hint="Stop the program that listens there, or set ORVANTA_HOST and ORVANTA_PORT.",
        ) from error
    bound, taken = main.getsockname()[:2]
    twin = _reserve(_TWINS[bound], taken) if bound in _TWINS else None
    return Listener(host, taken, [main] if twin is None else [main, twin])


def _reserve(address: str, port: int) -> socket.socket | None:
    """Return a socket that is bound but refuses connections, or None if the address cannot be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        reserved = socket.socket(family, socket.SOCK_STREAM)
    except OSError:  # this host has no IPv6
        return None
    try:
        if family == socket.AF_INET6:
            reserved.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        reserved.bind((address, port))
    except OSError as error:
        reserved.close()
        if error.errno != errno.EADDRNOTAVAIL:
            log.warning("another program has the port on the twin address", action="hold_port", address=address)
        return None
    return reserved
