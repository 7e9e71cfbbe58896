"""The one clock. Tests set it; no other module asks the system for the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime

_frozen: datetime | None = None


def now() -> datetime:
    """Wall time, timezone-aware UTC."""
    return _frozen or datetime.now(UTC)


def monotonic() -> float:
    """Seconds that never go back; only differences mean something."""
    return time.monotonic()


def freeze(at: datetime | None) -> None:
    """Hold `now()` at `at` (aware) or, with None, let it run again. For tests."""
    global _frozen
    _frozen = at
