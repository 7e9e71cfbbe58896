"""Which addresses the platform itself calls for its users: public ones, and private networks that are allowed.

A name is resolved once, and the caller connects to the addresses that were checked, never to the name again: an
answer of DNS that changes afterwards changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host name for a port, best first. Raises OSError."""

_NUMBER: Final = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_METADATA: Final = frozenset({ipaddress.ip_address("168.63.129.16")})
"""Addresses in public ranges at which a cloud tells a machine its secrets."""


class AddressRefused(Exception):
    """The platform does not call this address; the message says which and why."""


async def look_up(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Guard:
    """Gives the addresses to connect to. `allowed`: networks (CIDR) that are called although they are not public."""

    def __init__(self, allowed: Sequence[str] = (), resolve: Resolve = look_up) -> None:
        self._allowed = tuple(map(ipaddress.ip_network, allowed))
        self._resolve = resolve

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of `host`, asked for once, all of them checked; at least one.

        Raises AddressRefused where one of them is refused, OSError where there is none.
        """
        literal = _literal(host)
        found = [str(literal)] if literal is not None else list(await self._resolve(host, port))
        if not found:
            raise OSError(f"{host} has no address")
        for each in found:
            self._check(host, each)
        return found

    def _check(self, host: str, text: str) -> None:
        address = ipaddress.ip_address(text.partition("%")[0])
        inner = _embedded(address)
        if "%" not in text and any(inner in network for network in self._allowed if network.version == inner.version):
            return
        if "%" in text or not is_public(inner):
            shown = host if host == text else f"{host} ({text})"
            raise AddressRefused(f"{shown} is not a public address")


def is_public(address: Address) -> bool:
    """Whether anybody on the internet may be reached there, and nobody's own machine or network."""
    refused = address.is_multicast or address.is_reserved or address.is_unspecified or address in _METADATA
    if isinstance(address, ipaddress.IPv6Address):
        refused = refused or address.is_site_local
    return address.is_global and not refused


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _literal(host: str) -> Address | None:
    """The address that `host` writes out, None for a name. Raises AddressRefused for odd ways of writing one.

    `2130706433`, `0x7f.1` and `0177.0.0.1` are names to a check and addresses to a resolver.
    """
    bare = host.removeprefix("[").removesuffix("]")
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        pass
    last = bare.rstrip(".").rpartition(".")[2]
    if "%" in bare or ":" in bare or _NUMBER.fullmatch(last):
        raise AddressRefused(f"{host} is no plain way to write an address")
    return None
