"""Durations computed by expressions or read from settings."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from orvanta_platform.engine.events import Answer, NamedError

MAX_WAIT_S = 10 * 366 * 86_400.0
"""Maximum length of a delay or a sleep: ten years."""


def of(answer: Answer, name: str, label: str) -> float | NamedError:
    """Return the seconds of an answer; see `seconds`."""
    return seconds(msgspec.json.decode(answer.raw), name, label)


def setting(value: Any) -> float | None:
    """Return a setting in seconds; None if it is missing, invalid or 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_WAIT_S:
        return None
    return float(value)


def erased_after(value: Any) -> float | None:
    """Return the setting delete_after_secs, where 0 means immediately; None if it is missing."""
    return 0.0 if value == 0 and not isinstance(value, bool) else setting(value)


def seconds(value: Any, name: str, label: str) -> float | NamedError:
    """Return a number of seconds from 0 to MAX_WAIT_S; null is 0."""
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return NamedError(name, f"{label} must be a number of 0 or more.")
    if value > MAX_WAIT_S:
        return NamedError(name, f"{label} must be at most {MAX_WAIT_S:.0f}, ten years.")
    return float(value)
