"""Common times of periodic work."""

from __future__ import annotations

from itertools import pairwise

import pytest

from orvanta_platform.clock import align


@pytest.mark.parametrize(
    ("earliest", "latest", "expected"),
    [
        (10.7, 11.2, 11.0),
        (11.0, 12.0, 12.0),
        (10.5, 13.9, 13.0),
        (10.3, 10.8, 10.3),
        (10.05, 10.1, 10.1),
        (10.4, 10.4, 10.4),
        (11.0, 12.999, 12.999),
    ],
    ids=[
        "the multiple in the range",
        "the end is a multiple",
        "the last of several multiples",
        "a wide range without a multiple yields its start",
        "a narrow range without a multiple yields its end",
        "no range",
        "a timer that fired early does not shorten the next interval",
    ],
)
def test_align(earliest: float, latest: float, expected: float) -> None:
    assert align(earliest, latest) == pytest.approx(expected)


@pytest.mark.parametrize("start", [0.0, 0.25, 0.6, 0.999])
@pytest.mark.parametrize("interval", [1.0, 2.0, 5.0])
def test_repeated_work_reaches_a_common_time_at_its_second_turn(start: float, interval: float) -> None:
    """No interval is longer than its maximum, or shorter than half of it."""
    times = [1000.0 + start]
    for _ in range(4):
        times.append(align(times[-1] + interval / 2, times[-1] + interval))
    assert all(interval / 2 <= after - before <= interval for before, after in pairwise(times))
    assert all(each == pytest.approx(round(each), abs=0.0011) for each in times[2:])
