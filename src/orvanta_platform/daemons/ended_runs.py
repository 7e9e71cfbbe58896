"""Alerts, spans and counts of the runs that end in this process. Costs nothing while none do."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import UUID

from orvanta_platform.services.maintenance import alerts, metrics, run_traces
from orvanta_platform.services.platform import Platform

COLLECT_S = 5.0
"""Seconds for which ended runs are collected before they are recorded together."""

LAST_S = 5.0
"""Seconds for which a process that ends records its last runs."""

_BATCH = 20_000
"""Maximum number of runs that are recorded together."""


async def run(platform: Platform) -> None:
    """Record ended runs, every few seconds at most, and the last ones when the process ends."""
    try:
        while True:
            await platform.measurements.ended.wait()
            await asyncio.sleep(COLLECT_S)
            await record_ended(platform)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_S):
                await record_ended(platform)


async def record_ended(platform: Platform) -> None:
    """Record the runs that ended. Those of a batch that fails, and of the following ones, remain to be recorded."""
    ended = platform.measurements.ended
    async with ended.recording:
        runs = ended.take()
        try:
            while runs:
                await record(platform, runs[:_BATCH])
                runs = runs[_BATCH:]
        finally:
            ended.put_back(runs)


async def record(platform: Platform, runs: list[UUID]) -> None:
    """Raise or end the alerts of the workflows of these runs, create their spans, and count them if there are metrics.

    If this fails it may be repeated: an alert is raised once, a span has the same id again, and counting comes last.
    """
    await alerts.record_outcomes(platform, runs)
    if platform.spans is not None:
        await run_traces.add(platform, platform.spans, runs)
    if platform.settings.metrics_port is not None or platform.settings.worker_metrics_port is not None:
        await metrics.count_ended(platform, runs)
