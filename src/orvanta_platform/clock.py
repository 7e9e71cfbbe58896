"""Clock of the platform. Tests freeze it; no other module reads the system time."""

from __future__ import annotations

import time
from datetime import UTC, datetime

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


def freeze(at: datetime | None) -> None:
    """Freeze `now()` at `at` (timezone-aware), or resume the clock with None. For tests."""
    global _frozen
    _frozen = at
