"""Where a look begins: above what was seen to be gone, now and then from the start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from orvanta_platform.queue.scan_cursor import START, ScanCursor

NOW = datetime(2030, 1, 1, tzinfo=UTC)
A_BIT = timedelta(microseconds=1)


def look(horizon: ScanCursor, at: float, first: datetime, *, took_s: float = 0.001) -> datetime:
    """A look at `at`, which finds `first`; gives what it looked above."""
    past = horizon.begin(at)
    horizon.end(at, at + took_s, first)
    return past


def test_the_first_look_is_from_the_start() -> None:
    assert look(ScanCursor(), 0, NOW) == START


def test_what_was_just_seen_may_yet_get_something_below_it() -> None:
    horizon = ScanCursor()
    look(horizon, 0, NOW)
    assert look(horizon, 0.2, NOW) == START
    assert look(horizon, 0.5, NOW) == NOW - A_BIT


def test_each_second_it_is_looked_from_the_start() -> None:
    horizon = ScanCursor()
    looks = [look(horizon, n * 0.4, NOW + timedelta(seconds=n)) for n in range(8)]
    assert [each == START for each in looks] == [True, False, False, True, False, False, True, False]


def test_a_look_from_the_start_that_takes_long_is_seldom() -> None:
    horizon = ScanCursor()
    look(horizon, 0, NOW, took_s=0.5)
    assert all(look(horizon, at, NOW) != START for at in range(1, 10))
    assert look(horizon, 11, NOW) == START


def test_what_comes_below_brings_it_down() -> None:
    horizon = ScanCursor()
    look(horizon, 0, NOW)
    look(horizon, 0.9, NOW)
    late = NOW - timedelta(minutes=1)
    assert look(horizon, 1.5, late) == START
    assert look(horizon, 1.6, late) == START
    assert look(horizon, 1.8, late) == late - A_BIT
