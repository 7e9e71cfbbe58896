"""Token-bucket rate limiter, with one bucket per caller."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final

from orvanta_platform import clock

_MAX_CALLERS: Final = 10_000
_BURST_S: Final = 10.0


class Rate:
    """Limiter of `per_minute` calls for each caller, with bursts of up to `burst` calls.

    State is per process. The callers that have been inactive for longest are evicted first and then start with a full
    bucket.
    """

    def __init__(self, per_minute: int, burst: int | None = None) -> None:
        """`burst` None: ten seconds' worth of calls, at least one."""
        self._per_second = per_minute / 60
        self._burst = max(1.0, self._per_second * _BURST_S) if burst is None else float(burst)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> int:
        """Take one call. Returns 0 if it is allowed, otherwise the number of seconds to wait."""
        now = clock.monotonic()
        left, at = self._left.pop(caller, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_second)
        wait_s = 0 if left >= 1 else math.ceil((1 - left) / self._per_second)
        self._left[caller] = (left if wait_s else left - 1, now)
        if len(self._left) > _MAX_CALLERS:
            self._left.popitem(last=False)
        return wait_s
