"""Delays of logins after failures: per account and address, per address, and overall."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from orvanta_platform.control import login_limits
from orvanta_platform.control.login_limits import ATTACKED, FREE, FREE_OF_ADDRESS, keys_of, wait_s

KEYS = keys_of("Ada@Example.org", "203.0.113.7")


@dataclass(frozen=True, slots=True)
class Row:
    count: int = 0
    age_s: float = 0.0
    known: bool = False


def waits(*, pair: Row = Row(), address: Row = Row(), account: Row = Row()) -> float:
    return wait_s({KEYS.pair: pair, KEYS.address: address, KEYS.account: account}, KEYS)


def test_keys_distinguish_accounts_and_addresses() -> None:
    assert keys_of("ada@example.org", "203.0.113.7") == KEYS
    assert keys_of("ada@example.org", "203.0.113.8").pair != KEYS.pair
    assert keys_of("ada@example.org", "203.0.113.8").account == KEYS.account
    assert len(set(KEYS.all)) == 3


@pytest.mark.parametrize(("count", "expected"), [(FREE - 1, 0), (FREE, 1), (FREE + 1, 2), (FREE + 5, 32), (10**6, 900)])
def test_delay_grows_with_each_failure(count: int, expected: float) -> None:
    assert waits(pair=Row(count)) == expected
    assert waits(pair=Row(count, age_s=expected)) == 0


def test_others_do_not_delay_an_address_without_failures() -> None:
    assert waits(account=Row(10**9)) == 0


def test_attacked_account_leaves_a_new_address_one_free_attempt() -> None:
    attacked = Row(ATTACKED)
    assert waits(pair=Row(1), account=attacked) == 60
    assert waits(pair=Row(1, age_s=61), account=attacked) == 0, "after an own failure, regardless of others"
    assert waits(pair=Row(1, known=True), account=attacked) == 0, "an address with an earlier login is known"
    assert waits(pair=Row(1), account=Row(ATTACKED - 1)) == 0


def test_address_that_tries_many_accounts_waits_except_for_known_accounts() -> None:
    many = Row(FREE_OF_ADDRESS + 20)
    assert waits(address=many) == 60
    assert waits(address=many, pair=Row(known=True)) == 0
    assert waits(address=Row(FREE_OF_ADDRESS - 1)) == 0
    assert login_limits.FORGOTTEN_S > 900
