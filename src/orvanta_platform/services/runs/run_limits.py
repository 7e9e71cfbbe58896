"""Limits of waiting runs that policies set for workspaces.

The waiting runs are counted up to the limit, and only in workspaces that have one. While there is plenty of room,
several runs are admitted by one count, so that the cost of a start does not grow with the number of waiting runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from orvanta_platform import clock
from orvanta_platform.db import job_lists
from orvanta_platform.db import policies as rows
from orvanta_platform.errors import RunLimitReached
from orvanta_platform.services.platform import Platform

WAITING: Final = "runs_waiting"

_FRESH_S: Final = 1.0
"""Time for which a limit and a count are used. A changed policy applies to all processes after it."""

_RETRY_AFTER_S: Final = 1


class Room:
    """Room for new runs of a workspace, as this process knows it."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.limit: int | None = None
        self.admitted = 0
        """Number of runs that are admitted before the next count."""
        self.starting = 0
        """Number of admitted runs that may not be inserted yet."""
        self.counted_at = float("-inf")

    def admit(self, since: float) -> bool | None:
        """Return whether a count that began after `since` admits another run; None if there is no such count."""
        if self.counted_at < since:
            return None
        if self.limit is None:
            return True
        self.admitted -= 1
        return self.admitted >= 0


@asynccontextmanager
async def admission(platform: Platform, workspace: str) -> AsyncIterator[RunLimitReached | None]:
    """Yield None if the policies of a workspace allow another waiting run, otherwise the error that refuses it.

    The caller inserts the run within the context. Several processes that start runs at the same time can exceed the
    limit by half of what was left of it.
    """
    room: Room = platform.run_limits.setdefault(workspace, Room())
    if not await _is_admitted(platform, workspace, room):
        yield RunLimitReached(
            f"The workspace has reached the limit of its policies for waiting runs: {room.limit:,}.",
            hint="Try again later.",
            details={"limit": room.limit, "retry_after_s": _RETRY_AFTER_S},
        )
        return
    room.starting += 1
    try:
        yield None
    finally:
        room.starting -= 1


async def _is_admitted(platform: Platform, workspace: str, room: Room) -> bool:
    """Return whether a run may start. Concurrent calls share a count: however many there are, they occupy one
    connection.
    """
    asked_at = clock.monotonic()
    if room.admit(asked_at - _FRESH_S):
        return True
    async with room.lock:
        admitted = room.admit(asked_at)
        if admitted is None:
            await _count(platform, workspace, room)
            admitted = room.admit(asked_at)
        return bool(admitted)


async def _count(platform: Platform, workspace: str, room: Room) -> None:
    began = clock.monotonic()
    async with platform.db.acquire() as conn:
        starting = room.starting
        limit = await rows.get_limit(conn, workspace, WAITING)
        waiting = 0 if limit is None else await job_lists.count_waiting_runs(conn, workspace, limit)
    left = 0 if limit is None else limit - waiting - starting
    # Half of what is left: other processes admit runs at the same time.
    room.limit, room.admitted, room.counted_at = limit, (left + 1) // 2, began


def forget(platform: Platform) -> None:
    """Read the limits again for the next run, after a policy was changed in this process."""
    platform.run_limits.clear()
