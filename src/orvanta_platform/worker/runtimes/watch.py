"""A shared timer that checks all running jobs of a worker for timeouts and cancels."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from orvanta_platform import clock

CHECK_S = 0.05
"""Interval of the checks, in seconds: the longest delay with which a job is stopped."""

log = structlog.get_logger(__name__)


class WatchedJob(Protocol):
    """A running job."""

    def check(self, now: float) -> None:
        """Stop the job if necessary, at monotonic `now`."""


class Watch:
    """Checks the added jobs periodically. The timer runs only while there are any."""

    def __init__(self) -> None:
        self._running: set[WatchedJob] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, job: WatchedJob) -> None:
        """Start checking `job`."""
        self._running.add(job)
        if self._timer is None:
            self._set_timer()

    def discard(self, job: WatchedJob) -> None:
        """Stop checking `job`."""
        self._running.discard(job)

    def _set_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(CHECK_S, self._check)

    def _check(self) -> None:
        now = clock.monotonic()
        for job in list(self._running):
            try:
                job.check(now)
            except Exception:  # the other jobs, and the next check of this one, must not be lost
                log.exception("job cannot be checked", action="watch")
        if self._running:
            self._set_timer()
        else:
            self._timer = None
