"""Check of the server's port before anything is started."""

from __future__ import annotations

import errno
import select
import socket

from orvanta_platform import clock
from orvanta_platform.errors import PortTaken, SettingsError
from orvanta_platform.settings import Settings

_TIMEOUT_S = 3.0
"""Seconds for which a port that is in use is tried again."""
_POLL_S = 0.05


def check_port(settings: Settings) -> None:
    """Refuse a port that is in use. Waits a moment, because a server that was just killed may still hold it.

    Raises PortTaken, and SettingsError for an address that is not an address of this machine.
    """
    deadline = clock.monotonic() + _TIMEOUT_S
    while True:
        try:
            family, kind, _, _, address = socket.getaddrinfo(
                settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
            return
        except socket.gaierror:
            raise SettingsError(
                f"ORVANTA_HOST ({settings.host!r}) is not an address of this machine.",
                hint="Set it to 127.0.0.1, or to 0.0.0.0 to be reached from outside.",
            ) from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise SettingsError(
                    f"The server cannot listen on {settings.host}, port {settings.port}: {error.strerror}.",
                    hint="Set ORVANTA_HOST and ORVANTA_PORT to an address and port that this user can use.",
                ) from None
            if clock.monotonic() > deadline:
                raise PortTaken(
                    f"Port {settings.port} on {settings.host} is in use by another program.",
                    hint="Stop that program, or set ORVANTA_PORT to a free port.",
                ) from None
        select.select([], [], [], _POLL_S)
