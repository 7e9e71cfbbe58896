"""Rate limit per caller."""

from __future__ import annotations

import pytest

from orvanta_platform import clock
from orvanta_platform.control import rates
from orvanta_platform.control.rates import Rate


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    return now


def test_burst_then_one_by_one(at: list[float]) -> None:
    rate = Rate(60)
    assert [rate.take("a") for _ in range(12)] == [0] * 10 + [1, 1]
    at[0] += 0.5
    assert rate.take("a") == 1
    at[0] += 0.5
    assert [rate.take("a"), rate.take("a")] == [0, 1]
    at[0] += 3600
    assert [rate.take("a") for _ in range(11)] == [0] * 10 + [1]


def test_limited_caller_learns_the_delay(at: list[float]) -> None:
    rate = Rate(2)
    assert [rate.take("a"), rate.take("a")] == [0, 30]
    at[0] += 29
    assert rate.take("a") == 1
    at[0] += 1
    assert rate.take("a") == 0


def test_callers_have_separate_limits(at: list[float]) -> None:
    rate = Rate(1)
    assert [rate.take("a"), rate.take("b"), rate.take("a")] == [0, 0, 60]


def test_number_of_remembered_callers_is_limited(at: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_MAX_CALLERS", 2)
    rate = Rate(1)
    assert [rate.take(name) for name in ("a", "b", "b", "c", "a")] == [0, 0, 60, 0, 0]
