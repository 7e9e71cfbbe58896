"""Counting of the runs that end in this process. Costs nothing while none do."""

from __future__ import annotations

import asyncio

from orvanta_platform.services.maintenance import metrics
from orvanta_platform.services.platform import Platform

COLLECT_S = 5.0
"""Seconds for which ended runs are collected before they are counted in one query."""

_BATCH = 20_000


async def run(platform: Platform) -> None:
    """Count ended runs, every few seconds at most."""
    ended = platform.measurements.ended
    while True:
        await ended.wait()
        await asyncio.sleep(COLLECT_S)
        runs = ended.take()
        for start in range(0, len(runs), _BATCH):
            await metrics.count_ended(platform, runs[start : start + _BATCH])
