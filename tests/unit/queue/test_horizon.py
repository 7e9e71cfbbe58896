"""Start of a scan: above rows that have been processed, and from the start at intervals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from orvanta_platform.queue.scan_cursor import START, ScanCursor

NOW = datetime(2030, 1, 1, tzinfo=UTC)
A_BIT = timedelta(microseconds=1)


def scan(horizon: ScanCursor, at: float, first: datetime, *, took_s: float = 0.001) -> datetime:
    """Scan at the time `at`, with `first` as the first row found; return the value above which it scanned."""
    past = horizon.begin(at)
    horizon.end(at, at + took_s, first)
    return past


def test_first_scan_is_from_the_start() -> None:
    assert scan(ScanCursor(), 0, NOW) == START


def test_recent_row_may_still_get_rows_below_it() -> None:
    horizon = ScanCursor()
    scan(horizon, 0, NOW)
    assert scan(horizon, 0.2, NOW) == START
    assert scan(horizon, 0.5, NOW) == NOW - A_BIT


def test_scan_from_the_start_every_second() -> None:
    horizon = ScanCursor()
    looks = [scan(horizon, n * 0.4, NOW + timedelta(seconds=n)) for n in range(8)]
    assert [each == START for each in looks] == [True, False, False, True, False, False, True, False]


def test_slow_scan_from_the_start_is_rare() -> None:
    horizon = ScanCursor()
    scan(horizon, 0, NOW, took_s=0.5)
    assert all(scan(horizon, at, NOW) != START for at in range(1, 10))
    assert scan(horizon, 11, NOW) == START


def test_lower_row_lowers_the_mark() -> None:
    horizon = ScanCursor()
    scan(horizon, 0, NOW)
    scan(horizon, 0.9, NOW)
    late = NOW - timedelta(minutes=1)
    assert scan(horizon, 1.5, late) == START
    assert scan(horizon, 1.6, late) == START
    assert scan(horizon, 1.8, late) == late - A_BIT
