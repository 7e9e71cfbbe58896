"""Times of repeated calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench.comparison import WARM_UP
from bench.samples import Samples


def timed(tries: int, once: Callable[[int], Any]) -> Samples:
    """Return the milliseconds of `once`, called with 0, 1 and so on; those of the warm-up are not counted."""
    taken = []
    for each in range(WARM_UP + tries):
        started = time.perf_counter()
        once(each)
        taken.append((time.perf_counter() - started) * 1000)
    return Samples.of("ms", taken[WARM_UP:])


class RollBack(Exception):
    """Raised to roll back a transaction."""
