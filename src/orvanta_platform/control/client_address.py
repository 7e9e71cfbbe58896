"""Address of a caller behind proxies.

A proxy appends the address of its peer to a header, so the header is read from its end. The first address that does not
belong to a trusted proxy is the caller's; everything before it may be forged.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

import structlog

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAX_HOPS = 64
_FORWARDED_HEADERS = (b"x-forwarded-for", b"forwarded")

log = structlog.get_logger(__name__)


class ClientAddresses:
    """Resolver of the caller's address from the header that trusted proxies set."""

    def __init__(self, trusted: Sequence[str], header: str) -> None:
        """Set the trusted networks, in CIDR notation, and the header: `x-forwarded-for` or `forwarded`."""
        self._trusted: tuple[Network, ...] = tuple(ipaddress.ip_network(each) for each in trusted)
        self._header = header.encode()
        self._warned = False

    def of(self, scope: Any) -> str | None:
        """Return the address of the caller of a request, or None if the server does not know its peer."""
        client = scope.get("client")
        if not client:
            return None
        peer = _parse(str(client[0]))
        if peer is None:
            return str(client[0])
        if not self._trusted:
            self._warn(peer, scope)
            return str(peer)
        return str(self._past_the_proxies(peer, scope))

    def _past_the_proxies(self, peer: Address, scope: Any) -> Address:
        at = peer
        for hop in _hops(scope["headers"], self._header):
            if not self._is_trusted(at):
                break
            named = _parse(hop)
            if named is None:
                break
            at = named
        return at

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)

    def _warn(self, peer: Address, scope: Any) -> None:
        """Log once that the server seems to be behind a proxy that the settings do not name."""
        if self._warned or peer.is_global or not any(name in _FORWARDED_HEADERS for name, _ in scope["headers"]):
            return
        self._warned = True
        log.warning(
            "forwarded address ignored",
            peer=str(peer),
            hint="All callers behind this proxy count as one; add it to ORVANTA_TRUSTED_PROXIES.",
        )


def network_of(address: str | None) -> str:
    """Return the key for rate limits of an address: for IPv6 the /64 network, which usually belongs to one caller."""
    found = _parse(address or "")
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found) if found else address or ""


def _hops(headers: Iterable[tuple[bytes, bytes]], header: bytes) -> list[str]:
    """Return the entries of the header, nearest proxy first; several header lines form one list."""
    lines = [value.decode("latin-1") for name, value in headers if name.lower() == header]
    parts = ",".join(lines).rsplit(",", _MAX_HOPS)[-_MAX_HOPS:] if lines else []
    found = [part.strip() for part in reversed(parts)]
    return found if header == b"x-forwarded-for" else [_for_of(part) for part in found]


def _for_of(element: str) -> str:
    """Return the `for` of one element of a Forwarded header (RFC 7239), or an empty text."""
    for pair in element.split(";"):
        name, _, value = pair.partition("=")
        if name.strip().lower() == "for":
            return value.strip().strip('"')
    return ""


def _parse(text: str) -> Address | None:
    """Parse `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:443`; return None for
    anything else.
    """
    host = text
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or not (port == "" or (port[0] == ":" and _is_port(port[1:]))):
            return None
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        if not _is_port(port):
            return None
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return found.ipv4_mapped
        if found.scope_id is not None:
            return ipaddress.IPv6Address(int(found))
    return found


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5
