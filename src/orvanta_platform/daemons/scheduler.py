"""Scheduler: takes the ticks of all schedules and runs the handlers of their finished runs. A duty of the leader."""

from __future__ import annotations

import asyncio

from orvanta_platform.db.polls import may_extend
from orvanta_platform.queue.scan_cursor import ScanCursor
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.triggers import scheduler
from orvanta_platform.services.triggers import ticks as scheduling
from orvanta_platform.services.triggers.outcomes import ScanPosition, process_ended

MAX_WAIT_S = 1.0
"""Maximum time in seconds between two checks for due ticks of a server that is not idle."""

MIN_WAIT_S = 0.01
"""Pause in seconds after a due tick that another process has taken."""


async def run(platform: Platform) -> None:
    """Take ticks when they are due and process finished runs each second, independently of each other."""
    has_unfinished = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_fire(platform, has_unfinished))
        group.create_task(_follow(platform, has_unfinished))


async def _fire(platform: Platform, has_unfinished: asyncio.Event) -> None:
    """Take due ticks. A schedule created or changed meanwhile takes effect within a second.

    If another process has changed it while this one is idle, it takes effect within two seconds.
    """
    cursor = ScanCursor()
    wait_s, extend = 0.0, False
    while True:
        upcoming = await scheduling.get_upcoming(platform, cursor, wait_s, extend=extend)
        wait_s = 0.0
        due_s = upcoming.in_s
        if upcoming.has_unfinished:
            has_unfinished.set()
        else:
            has_unfinished.clear()
        if due_s is None or due_s > MAX_WAIT_S:
            wait_s = MAX_WAIT_S
            extend = may_extend(due_s, MAX_WAIT_S)
            continue
        await asyncio.sleep(max(due_s, 0))
        if not await scheduler.fire(platform, cursor.past):
            await asyncio.sleep(MIN_WAIT_S)


async def _follow(platform: Platform, has_unfinished: asyncio.Event) -> None:
    """Process finished runs each second. While there are no unfinished ticks, nothing is read."""
    position = ScanPosition()
    while True:
        await process_ended(platform, position)
        await asyncio.sleep(MAX_WAIT_S)
        await has_unfinished.wait()
