"""Firing of due timers, and processing of inboxes that no other process has emptied."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from orvanta_platform.db.jobs import Due
from orvanta_platform.db.notify import Watch
from orvanta_platform.orchestrator import timers
from orvanta_platform.orchestrator.advance import Tools
from orvanta_platform.services.platform import Platform

MAX_WAIT_S = 1.0
SWEEP_S = 1.0
NEVER = datetime.max.replace(tzinfo=UTC)


async def run(platform: Platform) -> None:
    """Poll for both with one statement, and process them independently of each other."""
    stale = _Stale()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_fire(platform, stale))
        tasks.create_task(_sweep(platform, stale))


class _Stale:
    """Signal that there are unprocessed events, with the time of the oldest."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._since = NEVER

    def report(self, since: datetime) -> None:
        """Report events that are unprocessed since `since`."""
        self._since = min(self._since, since)
        self._event.set()

    async def wait(self) -> datetime:
        """Wait for unprocessed events and return a time just before the oldest."""
        await self._event.wait()
        self._event.clear()
        since, self._since = self._since, NEVER
        return since - timedelta(microseconds=1)


async def _fire(platform: Platform, stale: _Stale) -> None:
    """Fire due timers. Sleeps until the next known timer, at most a second, or until notified of a new one."""
    tools, positions = platform.tools, timers.ScanPositions()
    with platform.listen.watch("timer") as watch:
        due = await timers.find_due(tools, positions)
        while True:
            if due.stale_at is not None:
                stale.report(due.stale_at)
            due_s = due.in_s
            is_due = due_s is not None and due_s <= 0
            if is_due and await _process_due(tools, positions.past):
                due = await timers.find_due(tools, positions)
            elif due_s is None or due_s >= MAX_WAIT_S:
                due = await _poll(platform, positions, watch)
            else:
                await watch.wait(max(due_s, 0.005))
                due = await timers.find_due(tools, positions)


async def _poll(platform: Platform, positions: timers.ScanPositions, watch: Watch) -> Due:
    """Find due timers at the next turn of the polls of this process, or as soon as there is a notification."""
    polling = asyncio.create_task(timers.find_due(platform.tools, positions, platform.polls.turn(MAX_WAIT_S)))

    def wake(_: object) -> None:
        watch.set()

    polling.add_done_callback(wake)
    try:
        await watch.wait(None)
        if polling.done():
            return polling.result()
    finally:
        polling.remove_done_callback(wake)
        polling.cancel()
    return await timers.find_due(platform.tools, positions)


async def _process_due(tools: Tools, past: datetime) -> bool:
    """Process work that is due after `past`. Returns False if another process has done it."""
    for work in (timers.fire, timers.grant_due_permits, timers.start_debounced):
        if await work(tools, past):
            return True
    return False


async def _sweep(platform: Platform, stale: _Stale) -> None:
    """Advance runs with unprocessed events, at most once a second."""
    while True:
        await timers.sweep(platform.tools, await stale.wait())
        await asyncio.sleep(SWEEP_S)
