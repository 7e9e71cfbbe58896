"""What the loops that claim have in common: how long a run is kept, what the database may say meanwhile."""

from __future__ import annotations

import random

import asyncpg

from orvanta_platform import clock
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT

POLL_S = (1.0, 2.0)
"""A worker looks for work at least this often (with jitter), notified or not."""

HAND_OFF_STEPS = 32
HAND_OFF_S = 0.05
"""How long a slot keeps its run while other work waits."""

DATABASE_AWAY: tuple[type[Exception], ...] = (*TRANSIENT, *CONNECTION_LOST, TimeoutError)

CANNOT_CLAIM: tuple[type[Exception], ...] = (*DATABASE_AWAY, asyncpg.PostgresError)
"""Whatever the database says to a claim, the jobs that run here go on."""


def keeps_run(more_waits: bool, steps: int, began: float) -> bool:
    """Whether a slot that took `steps` steps of a run since monotonic `began` may take the next one too."""
    return not more_waits or (steps < HAND_OFF_STEPS and clock.monotonic() - began < HAND_OFF_S)


def poll_s() -> float:
    """Seconds until the next look for work of which nobody told."""
    return random.uniform(*POLL_S)
