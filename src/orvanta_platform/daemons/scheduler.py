"""Scheduler: the leading process takes the ticks of all schedules and runs the handlers of their finished runs."""

from __future__ import annotations

import asyncio

from orvanta_platform.daemons.leader_election import lead
from orvanta_platform.queue.scan_cursor import ScanCursor
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.triggers import scheduler
from orvanta_platform.services.triggers import ticks as scheduling
from orvanta_platform.services.triggers.outcomes import ScanPosition, process_ended

NAME = "scheduler"
MAX_WAIT_S = 1.0
MIN_WAIT_S = 0.01


async def run(platform: Platform) -> None:
    """Lead, or stand by."""
    await lead(platform, NAME, serve)


async def serve(platform: Platform) -> None:
    """Take ticks when they are due and check for finished runs each second, independently of each other."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_fire(platform))
        group.create_task(_follow(platform))


async def _fire(platform: Platform) -> None:
    """Take due ticks. A schedule created or changed meanwhile takes effect within a second."""
    cursor = ScanCursor()
    while True:
        due_s = await scheduling.next_in_s(platform, cursor)
        if due_s is None or due_s > MAX_WAIT_S:
            await asyncio.sleep(MAX_WAIT_S)
            continue
        await asyncio.sleep(max(due_s, 0))
        if not await scheduler.fire(platform, cursor.past):
            await asyncio.sleep(MIN_WAIT_S)


async def _follow(platform: Platform) -> None:
    round = ScanPosition()
    while True:
        await process_ended(platform, round)
        await asyncio.sleep(MAX_WAIT_S)
