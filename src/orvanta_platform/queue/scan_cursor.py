"""Where a look at rows in the order of their times may begin: below it all were seen to be gone.

Whoever looks from the start of an index reads past all that went, as long as a snapshot keeps it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from orvanta_platform.queue.claim import LOW_WATER_AGE_S, LOW_WATER_LAG_S, rest_s

START = datetime.min.replace(tzinfo=UTC)
"""Before every row."""

_JUST_BELOW = timedelta(microseconds=1)


@dataclass(slots=True)
class ScanCursor:
    """Trails what was seen: a row whose transaction is long may come below. Once a second it is looked from the start,
    less often where that takes long.
    """

    low: datetime = START
    past: datetime = START
    """What the last look looked above."""
    _since: float = float("-inf")
    _from_start: bool = False
    _start_s: float = 0.0
    _seen: deque[tuple[float, datetime]] = field(default_factory=deque)

    def begin(self, now: float) -> datetime:
        """What to look above, `now` (monotonic seconds)."""
        while self._seen and now - self._seen[0][0] > LOW_WATER_LAG_S:
            self.low = max(self.low, self._seen.popleft()[1])
        self._from_start = now - self._since > max(LOW_WATER_AGE_S, rest_s(self._start_s))
        if self._from_start:
            self._since = now
        self.past = START if self._from_start else self.low
        return self.past

    def end(self, began: float, now: float, first: datetime) -> None:
        """A look that began at `began` has found nothing before `first`, and perhaps a row at it."""
        if self._from_start:
            self._start_s = now - began
        below = first - _JUST_BELOW
        if below < self.low:
            self.low = START
            self._seen.clear()
        self._seen.append((now, below))
