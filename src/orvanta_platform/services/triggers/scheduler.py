"""The schedule trigger: what one who leads does with ticks that have come."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import cast

from orvanta_platform.engine.ticks import Cron, MissedRule, Move, move
from orvanta_platform.errors import BadRequest
from orvanta_platform.queue.scan_cursor import START
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.triggers import ticks as scheduling
from orvanta_platform.services.triggers.schedules import zone_of
from orvanta_platform.services.triggers.ticks import Due

BATCH = 100
_AT_ONCE = 4
"""Ticks that are started side by side: an expression of one that is slow to evaluate holds up no other."""


async def fire(platform: Platform, past: datetime = START) -> int:
    """Take the ticks after `past` that have come, at most BATCH; gives how many were taken.

    A schedule that was not looked at for long has more than one: the next is taken the next time.
    """
    found = await scheduling.due(platform, BATCH, past)
    room = asyncio.Semaphore(_AT_ONCE)

    async def take(tick: Due) -> bool:
        async with room:
            return await _take(platform, tick)

    return sum(await asyncio.gather(*map(take, found)))


async def _take(platform: Platform, tick: Due) -> bool:
    try:
        found = decide(tick)
    except BadRequest as error:
        # A zone or an expression that this version does not know any more.
        return await scheduling.refuse(platform, tick, error.message)
    if found.start:
        return await scheduling.start(platform, tick, found.next_at)
    return await scheduling.let_go(platform, tick, found.missed, found.next_at)


def decide(tick: Due) -> Move:
    """What becomes of a tick. Raises BadRequest where its schedule cannot be read."""
    row = tick.schedule
    return move(Cron(row.cron, zone_of(row.timezone)), tick.at, tick.now, cast(MissedRule, row.missed))
