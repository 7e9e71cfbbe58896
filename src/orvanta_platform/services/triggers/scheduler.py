"""Processing of due ticks by the leading scheduler."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import cast

from orvanta_platform.engine.ticks import Cron, MissedRule, TickDecision, decide_tick
from orvanta_platform.errors import BadRequest
from orvanta_platform.queue.scan_cursor import START
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.triggers import ticks as scheduling
from orvanta_platform.services.triggers.ticks import Due
from orvanta_platform.workflow.time_zones import zone_of

BATCH = 100
_AT_ONCE = 4
"""Ticks processed concurrently, so that one slow expression does not delay the others."""


async def fire(platform: Platform, past: datetime = START) -> int:
    """Process the due ticks after `past`, at most BATCH; returns the number of ticks taken.

    A schedule that was not processed for a while has several due ticks. One is taken per call.
    """
    found = await scheduling.due(platform, BATCH, past)
    room = asyncio.Semaphore(_AT_ONCE)

    async def take(tick: Due) -> bool:
        async with room:
            return await _process_tick(platform, tick)

    return sum(await asyncio.gather(*map(take, found)))


async def _process_tick(platform: Platform, tick: Due) -> bool:
    try:
        found = decide(tick)
    except BadRequest as error:
        # A zone or an expression that this version does not support.
        return await scheduling.record_invalid(platform, tick, error.message)
    if found.start:
        platform.measurements.trigger_lag.observe((tick.now - tick.at).total_seconds(), "schedule")
        return await scheduling.start(platform, tick, found.next_at)
    return await scheduling.record_missed(platform, tick, found.missed, found.next_at)


def decide(tick: Due) -> TickDecision:
    """Return the action for a tick. Raises BadRequest if its schedule cannot be parsed."""
    row = tick.schedule
    return decide_tick(Cron(row.cron, zone_of(row.timezone)), tick.at, tick.now, cast(MissedRule, row.missed))
