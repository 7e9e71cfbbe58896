"""Low-water mark for time-ordered scans: rows below it have been processed.

A scan from the start of an index reads past all deleted rows that a snapshot retains.
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
    """A mark that trails the scans, since a row of a long transaction may appear below it.

    Once a second a scan starts from the beginning, less often if that is slow.
    """

    low: datetime = START
    past: datetime = START
    """Start of the latest scan."""
    _since: float = float("-inf")
    _from_start: bool = False
    _start_s: float = 0.0
    _seen: deque[tuple[float, datetime]] = field(default_factory=deque)

    def begin(self, now: float) -> datetime:
        """Return the position to scan above, `now` in monotonic seconds."""
        while self._seen and now - self._seen[0][0] > LOW_WATER_LAG_S:
            self.low = max(self.low, self._seen.popleft()[1])
        self._from_start = now - self._since > max(LOW_WATER_AGE_S, rest_s(self._start_s))
        if self._from_start:
            self._since = now
        self.past = START if self._from_start else self.low
        return self.past

    def end(self, started: float, now: float, first: datetime) -> None:
        """Record a scan started at `started` that found nothing before `first`, and possibly a row at it."""
        if self._from_start:
            self._start_s = now - started
        below = first - _JUST_BELOW
        if below < self.low:
            self.low = START
            self._seen.clear()
        self._seen.append((now, below))
