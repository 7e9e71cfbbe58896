"""What the loops that claim have in common: how long a run is kept, what the database may say meanwhile."""

from __future__ import annotations

import asyncio
import random

import asyncpg
import structlog

from orvanta_platform import clock
from orvanta_platform.db import jobs
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT
from orvanta_platform.queue.claim import rest_s
from orvanta_platform.services.platform import Platform

POLL_S = (1.0, 2.0)
"""A worker looks for work this often (with jitter), notified or not, unless the look takes long."""

UNTOLD_S = 10.0
"""The longest that a loop waits to be woken."""

HAND_OFF_STEPS = 32
HAND_OFF_S = 0.05
"""How long a slot keeps its run while other work waits."""

DATABASE_AWAY: tuple[type[Exception], ...] = (*TRANSIENT, *CONNECTION_LOST, TimeoutError)

CANNOT_CLAIM: tuple[type[Exception], ...] = (*DATABASE_AWAY, asyncpg.PostgresError)
"""Whatever the database says to a claim, the jobs that run here go on."""

log = structlog.get_logger(__name__)


def keeps_run(more_waits: bool, steps: int, began: float) -> bool:
    """Whether a slot that took `steps` steps of a run since monotonic `began` may take the next one too."""
    return not more_waits or (steps < HAND_OFF_STEPS and clock.monotonic() - began < HAND_OFF_S)


async def poll(platform: Platform) -> None:
    """Look for work of which nobody told, and wake whom it concerns: one look for all loops of a worker."""
    took_s = 0.0
    while True:
        await asyncio.sleep(max(random.uniform(*POLL_S), rest_s(took_s)))
        began = clock.monotonic()
        try:
            async with platform.db.acquire() as connection:
                pairs = await jobs.waiting_pairs(connection)
        except CANNOT_CLAIM as error:
            log.warning("cannot look for work", action="poll", error=str(error))
            continue
        took_s = clock.monotonic() - began
        if pairs:
            platform.listen.wake(["queues", *{f"queue:{queue}" for queue, _ in pairs}])
