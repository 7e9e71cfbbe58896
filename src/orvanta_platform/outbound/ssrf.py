"""Addresses that the platform itself may call for its users: public ones, and allowed private networks.

A name is resolved once, and the caller connects to the checked addresses, never to the name again: a later change of
the DNS response has no effect.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from orvanta_platform.sandbox import networks

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Resolver that returns the addresses of a host name for a port, best first. Raises OSError."""

_NUMBER: Final = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_TRANSLATED: Final = ipaddress.IPv6Network("::ffff:0:0:0/96")

_SPECIAL: Final = networks.parse(
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "::/8", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32", "2002::/16",
    "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/9", "ff00::/8",
)  # fmt: skip
"""The IANA special-purpose registries for IPv4 and IPv6, and the ranges that RFC 4291 reserves. Python's `is_global`
is not used, because its answer differs between versions. 2001::/23 contains a few global anycast addresses that no
server uses."""


class AddressRefused(Exception):
    """The platform does not call this address; the message has the address and the reason."""


class AddressNotPublic(AddressRefused):
    """The address belongs to a network that the server may call only if its operator allows it."""


async def look_up(host: str, port: int) -> Sequence[str]:
    """Resolve a host name with the resolver of the system. Raises OSError, also for a name that is not valid."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except ValueError as error:  # a part of the name is empty or too long
        raise socket.gaierror(socket.EAI_NONAME, "the name is not valid") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Guard:
    """Resolver of checked addresses. `allowed` are networks (CIDR) that may be called although they are not public.

    A network does not include the metadata services of clouds in it, unless it has no other addresses.
    """

    def __init__(self, allowed: Sequence[str] = (), resolve: Resolve = look_up) -> None:
        self._allowed = tuple(map(ipaddress.ip_network, allowed))
        self._resolve = resolve

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of `host`, resolved once and all checked; at least one.

        Raises AddressRefused if one of them is refused, OSError if there is none.
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
        if "%" not in text and any(_includes(network, inner) for network in self._allowed):
            return
        if "%" in text or not is_public(inner):
            shown = host if host == text else f"{host} ({text})"
            raise AddressNotPublic(f"{shown} is not a public address")


def is_public(address: Address) -> bool:
    """Return whether the address belongs to the public internet, and not to this machine or a private network."""
    return not _is_in(_SPECIAL, address) and not is_metadata(address)


def is_metadata(address: Address) -> bool:
    """Return whether this is an address of a cloud metadata service: link-local addresses and the others that clouds
    use.

    Addresses embedded in another address are checked as well.
    """
    return _is_in(networks.METADATA, _embedded(address))


def _includes(network: networks.Network, address: Address) -> bool:
    """Return whether an allowed network permits calls to an address."""
    if network.version != address.version or address not in network:
        return False
    ends = (network.network_address, network.broadcast_address)
    return not is_metadata(address) or all(_is_in(networks.METADATA, each) for each in ends)


def _is_in(ranges: Sequence[networks.Network], address: Address) -> bool:
    return any(address in each for each in ranges if each.version == address.version)


def _embedded(address: Address) -> Address:
    """Return the IPv4 address embedded in an IPv6 address, otherwise the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or address in _TRANSLATED or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _literal(host: str) -> Address | None:
    """Return the address written in `host`, or None for a name. Raises AddressRefused for unusual notations.

    `2130706433`, `0x7f.1` and `0177.0.0.1` are names to a check but addresses to a resolver.
    """
    bare = host.removeprefix("[").removesuffix("]")
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        pass
    last = bare.rstrip(".").rpartition(".")[2]
    if "%" in bare or ":" in bare or _NUMBER.fullmatch(last):
        raise AddressRefused(f"{host} is an unusual notation of an address")
    return None
