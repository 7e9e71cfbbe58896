"""So many calls of one caller at most: a bucket for each that fills again as time passes."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final

from orvanta_platform import clock

_KEPT: Final = 10_000
_BURST_S: Final = 10.0


class Rate:
    """At most `per_minute` calls a minute of each caller, at once as many as come in ten seconds (one at least).

    Of one process. Callers that were not heard of for longest are forgotten first; who is forgotten may call anew.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_second = per_minute / 60
        self._burst = max(1.0, self._per_second * _BURST_S)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> int:
        """0 where the caller may call now, else in how many seconds."""
        now = clock.monotonic()
        left, at = self._left.pop(caller, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_second)
        wait_s = 0 if left >= 1 else math.ceil((1 - left) / self._per_second)
        self._left[caller] = (left if wait_s else left - 1, now)
        if len(self._left) > _KEPT:
            self._left.popitem(last=False)
        return wait_s
