"""Run ids chosen by callers."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from orvanta_platform import clock
from orvanta_platform.errors import InvalidRunId
from orvanta_platform.ids import is_underived, made_at

OLDEST = timedelta(hours=1)
FURTHEST_AHEAD = timedelta(minutes=5)
"""Bounds of the timestamp in a chosen id. They allow repeated calls and clock differences.

Retention deletes no run this young, so the id of a deleted run is never within the bounds.
"""


def require(id: UUID) -> None:
    """Check an id chosen for a run: it must be a UUIDv7, which no derived id is, with a current timestamp.

    Raises InvalidRunId.
    """
    if not is_underived(id):
        raise InvalidRunId("The id of a run must be a UUIDv7.", hint="Leave the id out to get a new one.")
    if not -FURTHEST_AHEAD <= clock.now() - made_at(id) <= OLDEST:
        raise InvalidRunId(
            "The timestamp of a run id must be current: at most one hour old and five minutes ahead.",
            hint="Generate a new UUIDv7, or leave the id out to get one.",
        )
