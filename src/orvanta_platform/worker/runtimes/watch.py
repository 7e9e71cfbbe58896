"""One clock for all running jobs of a worker: whose time is over, who is cancelled."""

from __future__ import annotations

import asyncio
from typing import Protocol

from orvanta_platform import clock

LOOK_S = 0.05
"""A job is stopped so much late at most."""


class Watched(Protocol):
    """A running job."""

    def look(self, now: float) -> None:
        """Stop it if it must be, at monotonic `now`."""


class Watch:
    """Looks at what was added, again and again; a timer runs only while there is something."""

    def __init__(self) -> None:
        self._running: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, job: Watched) -> None:
        """Look at `job` from now on."""
        self._running.add(job)
        if self._timer is None:
            self._set_timer()

    def discard(self, job: Watched) -> None:
        """Look at `job` no more."""
        self._running.discard(job)

    def _set_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def _look(self) -> None:
        now = clock.monotonic()
        for job in list(self._running):
            job.look(now)
        if self._running:
            self._set_timer()
        else:
            self._timer = None
