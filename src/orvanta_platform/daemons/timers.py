"""Fires timers when they are due, and takes in inboxes that somebody left full."""

from __future__ import annotations

import asyncio

from orvanta_platform.services import timers
from orvanta_platform.services.platform import Platform

LONGEST_WAIT_S = 1.0
SWEEP_S = 1.0


async def run(platform: Platform) -> None:
    """One look for both, in one statement; neither waits for the other."""
    stale = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_fire(platform, stale))
        tasks.create_task(_sweep(platform, stale))


async def _fire(platform: Platform, stale: asyncio.Event) -> None:
    """Sleep until the next timer this process knows of, at most a second, or until told of a new one."""
    with platform.listen.watch("timer") as watch:
        while True:
            due = await timers.look(platform.tools)
            if due.stale:
                stale.set()
            due_s = due.in_s
            is_due = due_s is not None and due_s <= 0
            if is_due and (await timers.fire(platform.tools) or await timers.open_gates(platform.tools)):
                continue
            wait_s = LONGEST_WAIT_S if due_s is None else min(max(due_s, 0.005), LONGEST_WAIT_S)
            await watch.wait(wait_s)


async def _sweep(platform: Platform, stale: asyncio.Event) -> None:
    """Advance runs whose events nobody has taken in, at most once a second."""
    while True:
        await stale.wait()
        stale.clear()
        await timers.sweep(platform.tools)
        await asyncio.sleep(SWEEP_S)
