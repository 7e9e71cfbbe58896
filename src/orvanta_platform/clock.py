"""Clock of the platform. Tests freeze it; no other module reads the system time."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta

BEAT_S = 1.0
"""Seconds between the common times of periodic work of all processes of a machine."""

_EARLY_S = 0.01
"""Maximum time, in seconds, by which a timer may have fired early."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_frozen: datetime | None = None


def now() -> datetime:
    """Return the wall time, timezone-aware UTC."""
    return _frozen or datetime.now(UTC)


def monotonic() -> float:
    """Return seconds that never decrease; only differences are meaningful."""
    return time.monotonic()


def processor_time() -> float:
    """Return the processor time of the current thread in seconds; only differences within the thread are meaningful."""
    return time.thread_time()


def floor(at: datetime, width: timedelta) -> datetime:
    """Return the start of the interval of this width that contains `at`. Intervals follow each other from 1970, UTC."""
    return at - (at - _EPOCH) % width


def align(earliest: float, latest: float) -> float:
    """Return a monotonic time in this range for periodic work, if possible a whole multiple of `BEAT_S`.

    All processes of a machine read the same clock: those that wake at the same time find caches that the others have
    filled. A range of at least half of `BEAT_S` without a multiple yields its start, so that work that is repeated
    reaches a common time at its next turn.
    """
    common = min(math.floor((latest + _EARLY_S) / BEAT_S) * BEAT_S, latest)
    if common >= earliest:
        return common
    return earliest if latest - earliest + _EARLY_S >= BEAT_S / 2 else latest


def freeze(at: datetime | None) -> None:
    """Freeze `now()` at `at` (timezone-aware), or resume the clock with None. For tests."""
    global _frozen
    _frozen = at
