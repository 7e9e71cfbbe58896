"""Address of a caller behind proxies: trusted parts, and parts forged by the caller."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from orvanta_platform.control.client_address import ClientAddresses, network_of

PROXIES = ("10.0.0.0/8", "2001:db8:aaaa::/48")


def scope(peer: str | None, *headers: tuple[str, str]) -> dict[str, Any]:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return {"client": (peer, 1) if peer else None, "headers": raw}


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7, 10.2.2.2"], "203.0.113.7"),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.7, 10.2.2.2"], "203.0.113.7"),
        ("10.0.0.1", ["1.1.1.1", "203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7", "10.2.2.2"], "203.0.113.7"),
        ("10.0.0.1", ["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        ("10.0.0.1", ["203.0.113.7:4711"], "203.0.113.7"),
        ("10.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", ["[2001:db8::7]:443"], "2001:db8::7"),
        ("10.0.0.1", ["[2001:db8::7]"], "2001:db8::7"),
        ("10.0.0.1", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("::ffff:10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("2001:db8:aaaa::1", ["2001:db8:bbbb::1"], "2001:db8:bbbb::1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.7, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.7, nonsense, 10.2.2.2"], "10.2.2.2"),
        ("10.0.0.1", ["203.0.113.7,"], "10.0.0.1"),
        ("10.0.0.1", ["010.0.0.1"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.7:x"], "10.0.0.1"),
        ("10.0.0.1", ["[::1"], "10.0.0.1"),
        ("10.0.0.1", ["127.0.0.1\xff"], "10.0.0.1"),
        ("203.0.113.9", ["10.0.0.1"], "203.0.113.9"),
        ("203.0.113.9", ["1.1.1.1, 10.0.0.1"], "203.0.113.9"),
    ],
)
def test_x_forwarded_for_is_read_from_its_end(peer: str, forwarded: list[str], expected: str) -> None:
    addresses = ClientAddresses(PROXIES, "x-forwarded-for")
    assert addresses.of(scope(peer, *(("X-Forwarded-For", line) for line in forwarded))) == expected


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("for=203.0.113.7", "203.0.113.7"),
        ('For="[2001:db8::7]:4711";proto=https;by=10.0.0.1', "2001:db8::7"),
        ("for=1.1.1.1, for=203.0.113.7;proto=http, for=10.2.2.2", "203.0.113.7"),
        ("for=unknown", "10.0.0.1"),
        ("for=_hidden, for=10.2.2.2", "10.2.2.2"),
        ("proto=https", "10.0.0.1"),
    ],
)
def test_forwarded_is_read_from_its_end(forwarded: str, expected: str) -> None:
    addresses = ClientAddresses(PROXIES, "forwarded")
    assert addresses.of(scope("10.0.0.1", ("Forwarded", forwarded))) == expected


def test_header_that_proxies_do_not_set_is_ignored() -> None:
    spoofed = scope("10.0.0.1", ("Forwarded", "for=1.1.1.1"), ("X-Forwarded-For", "203.0.113.7"))
    assert ClientAddresses(PROXIES, "x-forwarded-for").of(spoofed) == "203.0.113.7"
    assert ClientAddresses(PROXIES, "forwarded").of(spoofed) == "1.1.1.1"


def test_number_of_hops_is_limited() -> None:
    hops = ", ".join(["203.0.113.7", *["10.2.2.2"] * 100_000])
    assert ClientAddresses(PROXIES, "x-forwarded-for").of(scope("10.0.0.1", ("X-Forwarded-For", hops))) == "10.2.2.2"


def test_without_proxies_the_peer_counts_and_one_warning_names_the_setting() -> None:
    addresses = ClientAddresses((), "x-forwarded-for")
    call = scope("127.0.0.1", ("X-Forwarded-For", "203.0.113.7"))
    with structlog.testing.capture_logs() as lines:
        assert [addresses.of(call), addresses.of(call)] == ["127.0.0.1", "127.0.0.1"]
    assert len(lines) == 1 and "ORVANTA_TRUSTED_PROXIES" in lines[0]["hint"]
    assert addresses.of(scope(None)) is None


def test_addresses_of_one_caller_share_a_key() -> None:
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert network_of("2001:db8:1:3::1") != network_of("2001:db8:1:2::1")
    assert network_of("203.0.113.7") == network_of("::ffff:203.0.113.7") == "203.0.113.7"
    assert network_of(None) == ""
