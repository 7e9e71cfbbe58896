"""Computed times of delays, relative to the current time."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from orvanta_platform import clock
from orvanta_platform.engine.duration import MAX_WAIT_S
from orvanta_platform.engine.events import Answer, Err

_ERROR = "InvalidDelay"


def until(answer: Answer) -> Answer | Err:
    """Return the time as RFC 3339 in UTC, 0 if it is past, or an error if it is invalid, lacks an offset or too far."""
    text = msgspec.json.decode(answer.raw)
    try:
        at = datetime.fromisoformat(text.upper() if isinstance(text, str) else "")
    except ValueError:
        return Err(_ERROR, "The until of a delay must be a time such as 2030-01-31T12:00:00Z.")
    if at.tzinfo is None:
        return Err(_ERROR, "The until of a delay needs an offset: 2030-01-31T12:00:00Z.")
    left = at - clock.now()
    if left > timedelta(seconds=MAX_WAIT_S):
        return Err(_ERROR, "The until of a delay is more than ten years away.")
    if left <= timedelta():
        return Answer(b"0", truthy=False)
    return Answer(msgspec.json.encode(at.isoformat()), truthy=True)
