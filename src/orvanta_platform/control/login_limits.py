"""Limits on failed logins: they delay the next attempt of the caller that failed, and never lock an account.

Attempts are counted by account and address together, by address, and by account. The first two limit one guesser. The
third, which anyone can raise, only makes the first one stricter, for addresses that have failed themselves. The right
password from an address without failures is therefore always accepted, regardless of attempts from other addresses.

Codes of two-step logins, which are asked for after the right password only, are also counted by account at all
addresses: a known password does not allow guesses of the code from many of them. Addresses at which the account logged
in before are exempt, so that its owner is not locked out, and so are recovery codes, which are too long to be guessed.

Wrong passwords of an HTTP trigger are counted by route and address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, Protocol
from uuid import UUID

import msgspec

FREE: Final = 10
"""Failures of an account at one address before delays start."""

FREE_OF_ADDRESS: Final = 100
"""Failures of all accounts at one address before delays start. Accounts that logged in from it before are exempt."""

ATTACKED: Final = 50
"""Failures of an account at all addresses after which a new address has one free attempt and long delays."""

FORGOTTEN_S: Final = 3600.0
"""Time in seconds without a new failure after which failures are forgotten."""

FREE_CODES: Final = 10
"""Wrong codes of an account at all addresses before delays start at addresses where it has not logged in."""

CODES_FORGOTTEN_S: Final = 86_400.0
"""Time in seconds without a new wrong code after which wrong codes are forgotten."""

_FIRST_S: Final = 1.0
_FIRST_ATTACKED_S: Final = 60.0
_MAX_DELAY_S: Final = 900.0
_MAX_ADDRESS_DELAY_S: Final = 60.0
_MAX_CODE_DELAY_S: Final = 21_600.0


class Attempts(Protocol):
    """Attempts of one key that failed or are in progress."""

    @property
    def count(self) -> int:
        """Return the number of attempts."""

    @property
    def age_s(self) -> float:
        """Return the seconds since the last attempt."""

    @property
    def known(self) -> bool:
        """Return whether the account has logged in from the address before."""


class Keys(msgspec.Struct, frozen=True):
    """Keys under which the attempts of a login are counted."""

    pair: str
    address: str
    account: str
    code: str
    """Key of the codes of two-step logins of the account."""

    @property
    def all(self) -> list[str]:
        """Keys of passwords."""
        return [self.pair, self.address, self.account]


def keys_of(email: str, network: str) -> Keys:
    """Return the keys of a login from an address or network. The account, which need not exist, is hashed."""
    account = hashlib.sha256(email.lower().encode("utf-8", "replace")).hexdigest()
    return Keys(f"pair:{network} {account}", f"address:{network}", f"account:{account}", f"code:{account}")


def key_of_route(route: UUID, network: str) -> str:
    """Return the key of HTTP Basic calls of a route from an address or network."""
    return f"route:{network} {route}"


def wait_at_route_s(attempts: Attempts) -> float:
    """Return the seconds until the next HTTP Basic call of a route is allowed; 0: now."""
    return max(delay_s(attempts.count - FREE, _FIRST_S, _MAX_DELAY_S) - attempts.age_s, 0.0)


def wait_for_code_s(codes: Attempts, pair: Attempts) -> float:
    """Return the seconds until the next code is checked; 0: now. `pair`: logins of the account at the address."""
    if pair.known:
        return 0.0
    return max(delay_s(codes.count - FREE_CODES, _FIRST_S, _MAX_CODE_DELAY_S) - codes.age_s, 0.0)


def wait_s(attempts: Mapping[str, Attempts], keys: Keys) -> float:
    """Return the seconds until the next attempt is allowed; 0: now."""
    pair, address = attempts[keys.pair], attempts[keys.address]
    strict = attempts[keys.account].count >= ATTACKED and not pair.known
    free, first_s = (1, _FIRST_ATTACKED_S) if strict else (FREE, _FIRST_S)
    left = delay_s(pair.count - free, first_s, _MAX_DELAY_S) - pair.age_s
    if not pair.known:
        left = max(left, delay_s(address.count - FREE_OF_ADDRESS, _FIRST_S, _MAX_ADDRESS_DELAY_S) - address.age_s)
    return max(left, 0.0)


def delay_s(over: int, first_s: float, longest_s: float) -> float:
    """Return a delay that doubles with each failure beyond the free ones, up to a maximum."""
    return 0.0 if over < 0 else min(first_s * 2.0 ** min(over, 32), longest_s)
