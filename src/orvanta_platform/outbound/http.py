"""HTTP connections to external servers, restricted to checked addresses."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Iterable
from typing import Final

import httpcore
import httpx

from orvanta_platform.outbound.ssrf import Guard

CONNECT_S: Final = 10.0
"""Timeout in seconds of one connection attempt to one address."""


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Network backend that connects only to the addresses returned by the guard. Each connection resolves the host
    again.
    """

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
        """Return a stream to the first address that responds. Raises AddressRefused, httpcore.ConnectError, OSError."""
        addresses = await self._guard.addresses(host, port)
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Sleep for some seconds."""
        await self._inner.sleep(seconds)


def pool(guard: Guard) -> httpcore.AsyncConnectionPool:
    """Return a connection pool for one call, which must be closed after it. Proxies of the environment are not used."""
    return httpcore.AsyncConnectionPool(
        ssl_context=_encryption(), max_connections=1, max_keepalive_connections=0, network_backend=GuardedBackend(guard)
    )


@functools.cache
def _encryption() -> ssl.SSLContext:
    """Return a TLS context with the authorities of httpx or SSL_CERT_FILE, and those of the system."""
    context = httpx.create_ssl_context()
    context.load_default_certs()
    return context
