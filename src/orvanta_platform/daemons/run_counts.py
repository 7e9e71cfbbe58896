"""Counting of the runs that end in this process. Costs nothing while none do."""

from __future__ import annotations

import asyncio
from uuid import UUID

from orvanta_platform.services.maintenance import alerts, metrics, run_traces
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
            await record(platform, runs[start : start + _BATCH])


async def record(platform: Platform, runs: list[UUID]) -> None:
    """Count these runs if there are metrics, raise or end the alerts of their workflows, and create their spans."""
    if platform.settings.metrics_port is not None or platform.settings.worker_metrics_port is not None:
        await metrics.count_ended(platform, runs)
    await alerts.record_outcomes(platform, runs)
    if platform.spans is not None:
        await run_traces.add(platform, platform.spans, runs)
