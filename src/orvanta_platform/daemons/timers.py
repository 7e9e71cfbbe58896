"""Firing of due timers, and processing of inboxes that no other process has emptied."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from orvanta_platform.db.jobs import Due
from orvanta_platform.db.notify import Watch
from orvanta_platform.db.polls import may_extend
from orvanta_platform.orchestrator import timers
from orvanta_platform.orchestrator.advance import Tools
from orvanta_platform.services.platform import Platform

MAX_WAIT_S = 1.0
"""Interval of the polls of a server that is not idle, in seconds: a timer whose notification was lost fires at most so
late.
"""

WORKER_WAIT_S = 2.0
"""Interval of the polls of a worker, in seconds, which matter while no server runs."""

SWEEP_S = 1.0
"""Minimum interval, in seconds, of two sweeps of runs with unprocessed events."""

NEVER = datetime.max.replace(tzinfo=UTC)


async def run(platform: Platform) -> None:
    """Poll for both with one statement, and process them independently of each other."""
    await _run(platform, MAX_WAIT_S, extend_when_idle=True)


async def run_in_worker(platform: Platform) -> None:
    """Do the same in a worker, which polls less often."""
    await _run(platform, WORKER_WAIT_S, extend_when_idle=False)


async def _run(platform: Platform, max_wait_s: float, *, extend_when_idle: bool) -> None:
    stale = _Stale()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_fire(platform, stale, max_wait_s, extend_when_idle=extend_when_idle))
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


async def _fire(platform: Platform, stale: _Stale, max_wait_s: float, *, extend_when_idle: bool) -> None:
    """Fire due timers. Sleeps until the next known timer, at most `max_wait_s`, or until notified of a new one.

    `extend_when_idle`: sleep longer while the process is idle.
    """
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
            elif due_s is None or due_s >= max_wait_s:
                extend = extend_when_idle and may_extend(due_s, max_wait_s)
                due = await _poll(platform, positions, watch, max_wait_s, extend=extend)
            else:
                await watch.wait(max(due_s, 0.005))
                due = await timers.find_due(tools, positions)


async def _poll(
    platform: Platform, positions: timers.ScanPositions, watch: Watch, wait_s: float, *, extend: bool
) -> Due:
    """Find due timers at the next turn of the polls of this process, or as soon as there is a notification."""
    turn = platform.polls.turn(wait_s, extend=extend)
    polling = asyncio.create_task(timers.find_due(platform.tools, positions, turn))

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
