"""Connections to servers of others: to addresses that were checked, and to no others."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Iterable
from typing import Final

import httpcore
import httpx

from orvanta_platform.outbound.ssrf import Guard

CONNECT_S: Final = 10.0
"""Seconds one attempt to connect, to one address, may take."""


class Checked(httpcore.AsyncNetworkBackend):
    """Connects to the addresses that the guard gives for a host. Each connection asks it anew."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A stream to the first address that answers. Raises AddressRefused, httpcore.ConnectError, OSError."""
        addresses = await self._guard.addresses(host, port)
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)


def pool(guard: Guard) -> httpcore.AsyncConnectionPool:
    """Connections for one call; to be closed after it. Proxies of the environment are not used."""
    return httpcore.AsyncConnectionPool(
        ssl_context=_encryption(), max_connections=1, max_keepalive_connections=0, network_backend=Checked(guard)
    )


@functools.cache
def _encryption() -> ssl.SSLContext:
    """The authorities that httpx brings or SSL_CERT_FILE names, and those of the system."""
    context = httpx.create_ssl_context()
    context.load_default_certs()
    return context
