"""Fires timers when they are due, and takes in inboxes that somebody left full."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from orvanta_platform.orchestrator import timers
from orvanta_platform.orchestrator.advance import Tools
from orvanta_platform.services.platform import Platform

LONGEST_WAIT_S = 1.0
SWEEP_S = 1.0
NEVER = datetime.max.replace(tzinfo=UTC)


async def run(platform: Platform) -> None:
    """One look for both, in one statement; neither waits for the other."""
    stale = _Stale()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_fire(platform, stale))
        tasks.create_task(_sweep(platform, stale))


class _Stale:
    """That there are events which nobody has taken in, and since when."""

    def __init__(self) -> None:
        self._told = asyncio.Event()
        self._since = NEVER

    def tell(self, since: datetime) -> None:
        self._since = min(self._since, since)
        self._told.set()

    async def wait(self) -> datetime:
        """Until there are; gives a moment before the oldest."""
        await self._told.wait()
        self._told.clear()
        since, self._since = self._since, NEVER
        return since - timedelta(microseconds=1)


async def _fire(platform: Platform, stale: _Stale) -> None:
    """Sleep until the next timer this process knows of, at most a second, or until told of a new one."""
    tools, positions = platform.tools, timers.ScanPositions()
    with platform.listen.watch("timer") as watch:
        while True:
            due = await timers.find_due(tools, positions)
            if due.stale_at is not None:
                stale.tell(due.stale_at)
            due_s = due.in_s
            is_due = due_s is not None and due_s <= 0
            if is_due and await _something(tools, positions.past):
                continue
            wait_s = LONGEST_WAIT_S if due_s is None else min(max(due_s, 0.005), LONGEST_WAIT_S)
            await watch.wait(wait_s)


async def _something(tools: Tools, past: datetime) -> bool:
    """Do what is due after `past`; False: somebody else has."""
    for work in (timers.fire, timers.grant_due_permits, timers.start_debounced):
        if await work(tools, past):
            return True
    return False


async def _sweep(platform: Platform, stale: _Stale) -> None:
    """Advance runs whose events nobody has taken in, at most once a second."""
    while True:
        await timers.sweep(platform.tools, await stale.wait())
        await asyncio.sleep(SWEEP_S)
