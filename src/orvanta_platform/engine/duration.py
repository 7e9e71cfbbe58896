"""How long something waits, as an expression gave it."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from orvanta_platform.engine.events import Answer, Err

MAX_WAIT_S = 10 * 366 * 86_400.0
"""No delay and no sleep is longer: ten years."""


def of(answer: Answer, name: str, what: str) -> float | Err:
    """The seconds that an expression gave; see `seconds`."""
    return seconds(msgspec.json.decode(answer.raw), name, what)


def setting(value: Any) -> float | None:
    """A setting of so many seconds; None where it is none, or 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_WAIT_S:
        return None
    return float(value)


def erased_after(value: Any) -> float | None:
    """The setting delete_after_secs, of which 0 means at once; None where there is none."""
    return 0.0 if value == 0 and not isinstance(value, bool) else setting(value)


def seconds(value: Any, name: str, what: str) -> float | Err:
    """A number of seconds, 0 to MAX_WAIT_S; null is 0."""
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return Err(name, f"{what} must be a number of 0 or more.")
    if value > MAX_WAIT_S:
        return Err(name, f"{what} must be at most {MAX_WAIT_S:.0f}, ten years.")
    return float(value)
