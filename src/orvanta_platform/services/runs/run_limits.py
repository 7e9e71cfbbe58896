"""Limits of waiting and of concurrent runs that policies set for workspaces.

The runs are counted up to the limit, and only in workspaces that have one. While there is plenty of room, several runs
are admitted by one count, so that the cost of a start does not grow with the number of runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from orvanta_platform import clock
from orvanta_platform.db import job_lists
from orvanta_platform.db import policies as rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import RunLimitReached
from orvanta_platform.services.platform import Platform

COUNTS: Final[Mapping[str, Callable[[Connection, str, int], Awaitable[int]]]] = {
    "runs_waiting": job_lists.count_waiting_runs,
    "runs_concurrent": job_lists.count_concurrent_runs,
}
"""Functions that count the runs of a workspace up to a maximum, by the resource of the limit."""

_NAMES: Final = {"runs_waiting": "waiting runs", "runs_concurrent": "concurrent runs"}

_MAX_AGE_S: Final = 1.0
"""Time for which a limit and a count are used. A changed policy applies to all processes after it."""

_RETRY_AFTER_S: Final = 1


class Room:
    """Room for new runs of a workspace, as this process knows it."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.limit: tuple[str, int] | None = None
        """Resource and maximum of the limit with the least room; None: there is no limit."""
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
    """Yield None if the policies of a workspace allow another run, otherwise the error that refuses it.

    The caller inserts the run within the context. Several processes that start runs at the same time can exceed the
    limit by half of what was left of it.
    """
    room: Room = platform.run_limits.setdefault(workspace, Room())
    if not await _is_admitted(platform, workspace, room):
        yield _refusal(*(room.limit or ("runs_waiting", 0)))
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
    if room.admit(asked_at - _MAX_AGE_S):
        return True
    async with room.lock:
        admitted = room.admit(asked_at)
        if admitted is None:
            await _count(platform, workspace, room)
            admitted = room.admit(asked_at)
        return bool(admitted)


def _refusal(resource: str, maximum: int) -> RunLimitReached:
    return RunLimitReached(
        f"The workspace has reached the limit of its policies for {_NAMES[resource]}: {maximum:,}.",
        hint="Try again later.",
        details={"resource": resource, "limit": maximum, "retry_after_s": _RETRY_AFTER_S},
    )


async def _count(platform: Platform, workspace: str, room: Room) -> None:
    began = clock.monotonic()
    async with platform.db.acquire() as conn:
        starting = room.starting
        maxima = await rows.list_limits(conn, workspace)
        left = {
            resource: maxima[resource] - await count(conn, workspace, maxima[resource]) - starting
            for resource, count in COUNTS.items()
            if resource in maxima
        }
    least = min(left, key=lambda each: left[each], default=None)
    room.limit = None if least is None else (least, maxima[least])
    # Half of what is left: other processes admit runs at the same time.
    room.admitted = 0 if least is None else (left[least] + 1) // 2
    room.counted_at = began


def forget(platform: Platform) -> None:
    """Read the limits again for the next run, after a policy was changed in this process."""
    platform.run_limits.clear()
