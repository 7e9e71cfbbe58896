"""Ids that callers choose for runs."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from orvanta_platform import clock
from orvanta_platform.errors import InvalidRunId
from orvanta_platform.ids import is_underived, made_at

OLDEST = timedelta(hours=1)
FURTHEST_AHEAD = timedelta(minutes=5)
"""Bounds of the time that a chosen id carries: time to repeat a call, and for clocks that differ.

Retention deletes no run as young as that, so the id of a run that was deleted is never within them.
"""


def require(id: UUID) -> None:
    """Refuse the id of a run that something derived from a run might have, or that carries another time than now.

    Raises InvalidRunId.
    """
    if not is_underived(id):
        raise InvalidRunId("The id of a run must be a UUIDv7.", hint="Leave the id out to get a new one.")
    if not -FURTHEST_AHEAD <= clock.now() - made_at(id) <= OLDEST:
        raise InvalidRunId(
            "The id of a run must carry the present time: at most one hour old and five minutes ahead.",
            hint="Make a new UUIDv7, or leave the id out to get one.",
        )
