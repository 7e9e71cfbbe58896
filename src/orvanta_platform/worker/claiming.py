"""Shared parts of the claiming loops: polling, hand-off limits and the database errors that they survive."""

from __future__ import annotations

import asyncio
import random

import structlog

from orvanta_platform import clock
from orvanta_platform.db import jobs
from orvanta_platform.db.errors import DatabaseError
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.notify import Watch
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT
from orvanta_platform.measurements import Measurements
from orvanta_platform.orchestrator.attempt_outcome import Finish
from orvanta_platform.queue.claim import is_pinned, rest_s
from orvanta_platform.services.platform import Platform

POLL_S = 2.0
"""Seconds between polls. A slow poll extends the interval. The other polls of a worker take the same turn."""

_WAIT_S = (24.0, 30.0)
"""Range of the random time that a loop waits for a notification or a poll before it claims anyway, if polls fail. Loops
that claim at the same time need a connection each, which then stays open.
"""

_ANSWERED_S = 10.0
"""Age of the last answer to a poll, in seconds, from which loops claim without one."""

HAND_OFF_STEPS = 32
HAND_OFF_S = 0.05
"""Limits after which a slot leaves its run to other workers while other work waits."""

DATABASE_AWAY: tuple[type[Exception], ...] = (*TRANSIENT, *CONNECTION_LOST, TimeoutError)

CANNOT_CLAIM: tuple[type[Exception], ...] = (*DATABASE_AWAY, DatabaseError)
"""Database errors that fail a claim but not the jobs that are running."""

log = structlog.get_logger(__name__)


def may_continue_run(more_waits: bool, steps: int, started: float) -> bool:
    """Return whether a slot that has made `steps` steps of a run since monotonic `started` may take the next one."""
    return not more_waits or (steps < HAND_OFF_STEPS and clock.monotonic() - started < HAND_OFF_S)


def measure(measurements: Measurements, job: ClaimedJob, finish: Finish, ran_s: float) -> None:
    """Record an attempt of a job that took `ran_s` seconds."""
    if job.attempt == 1:
        measurements.job_wait.observe(max(job.waited_s, 0.0), "worker" if is_pinned(job.queue) else job.queue)
    outcome = "cancelled" if finish.cancelled else "failed" if finish.error is not None else "succeeded"
    measurements.job_duration.observe(ran_s, job.kind, outcome)


class JobPolls:
    """Polls for waiting jobs: one query for all loops of a worker."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._answered_at = float("-inf")

    async def run(self) -> None:
        """Poll for waiting jobs and wake the loops that serve their queues, until cancelled."""
        took_s = 0.0
        while True:
            await asyncio.sleep(rest_s(took_s))
            try:
                async with self._platform.polls.turn(POLL_S) as connection:
                    pairs = await jobs.list_waiting_pairs(connection)
            except CANNOT_CLAIM as error:
                log.warning("cannot poll for jobs", action="poll", error=str(error))
                continue
            except Exception:
                # The loop must survive: without it, a job whose notification was lost waits for half a minute.
                log.exception("poll for jobs failed", action="poll")
                continue
            took_s = connection.alone_s  # the duration of a joint statement may be that of another query
            if pairs:
                self._platform.listen.wake(["queues", *{f"queue:{queue}" for queue, _ in pairs}])
            self._answered_at = clock.monotonic()

    async def wait(self, watch: Watch) -> bool:
        """Wait for a notification or a poll that found jobs; return False if a loop must claim without one.

        While polls are answered, they find every job whose notification was lost.
        """
        while not await watch.wait(random.uniform(*_WAIT_S)):
            if clock.monotonic() - self._answered_at > _ANSWERED_S:
                return False
        return True
