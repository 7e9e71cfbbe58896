"""Delays of retries."""

from __future__ import annotations

import pytest

from orvanta_platform.engine.plan import Retry
from orvanta_platform.engine.retry import MAX_DELAY_S, attempts_left, delay_s


def delays(retry: Retry, *, node: int = 0, seed: int = 0) -> list[float]:
    found: list[float] = []
    while attempts_left(retry, len(found) + 1):
        found.append(delay_s(retry, len(found) + 1, node, seed))
    return found


def test_exponential_delays_are_multiplier_times_seconds_to_the_n() -> None:
    assert delays(Retry(exponential_attempts=4, multiplier=2, seconds=3)) == [6, 18, 54, 162]


def test_constant_attempts_come_first_and_the_exponent_restarts() -> None:
    retry = Retry(constant_attempts=2, constant_s=7, exponential_attempts=2, multiplier=1, seconds=10)
    assert delays(retry) == [7, 7, 10, 100]


def test_without_retry_no_attempt_is_left() -> None:
    assert not attempts_left(None, 1)
    assert delays(Retry()) == []


@pytest.mark.parametrize(
    "retry",
    [
        Retry(constant_attempts=1, constant_s=1e9),
        Retry(exponential_attempts=1, multiplier=1, seconds=1e6),
        Retry(exponential_attempts=1, multiplier=1e308, seconds=1e308, random_factor=100),
    ],
)
def test_retry_delay_is_at_most_six_hours(retry: Retry) -> None:
    assert delay_s(retry, 1, 0, 3) == MAX_DELAY_S == 21_600


def test_thousand_attempts_do_not_overflow() -> None:
    assert delays(Retry(exponential_attempts=1000, multiplier=2, seconds=1e10))[-1] == MAX_DELAY_S
    assert delay_s(Retry(exponential_attempts=1000, multiplier=0, seconds=1e10), 999, 0, 0) == 0


def test_random_factor_spreads_evenly_within_its_bounds() -> None:
    retry = Retry(exponential_attempts=1, multiplier=1, seconds=100, random_factor=20)
    found = [delay_s(retry, 1, node, seed) for node in range(20) for seed in range(20)]
    assert 80 <= min(found) < 84 and 116 < max(found) < 120
    assert 98 < sum(found) / len(found) < 102


def test_random_factor_of_100_never_gives_a_negative_delay() -> None:
    retry = Retry(exponential_attempts=1, multiplier=1, seconds=1, random_factor=100)
    assert all(delay_s(retry, 1, 0, seed) >= 0 for seed in range(200))


def test_equal_seed_node_and_number_produce_equal_delay() -> None:
    retry = Retry(exponential_attempts=3, multiplier=1, seconds=10, random_factor=50)
    assert delays(retry, seed=5) == delays(retry, seed=5)
    assert delays(retry, seed=5) != delays(retry, seed=6)
    assert delays(retry, node=1, seed=5) != delays(retry, node=2, seed=5)


def test_constant_delays_are_not_spread() -> None:
    retry = Retry(constant_attempts=1, constant_s=9, random_factor=50)
    assert {delay_s(retry, 1, 0, seed) for seed in range(20)} == {9}
