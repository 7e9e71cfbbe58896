"""Detection of lost workers by observation, without comparing clocks of different machines.

A worker is lost if its heartbeat did not change for the duration of the lease, measured by the observer's monotonic
clock, while the observer itself reached the database without a gap. Neither a restart of the database nor a jump of a
clock therefore fences live workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from orvanta_platform.db.workers import ObservedWorker


class _Seen(msgspec.Struct, frozen=True):
    generation: int
    beat: int
    since: float


class Observer:
    """Records when each heartbeat was first seen. `lease_s`: its maximum age; `gap_s`: maximum time between scans."""

    def __init__(self, lease_s: float, gap_s: float) -> None:
        self._lease_s = lease_s
        self._gap_s = gap_s
        self._seen: dict[UUID, _Seen] = {}
        self._scanned_at: float | None = None

    def scan(self, workers: Sequence[ObservedWorker], now: float) -> list[ObservedWorker]:
        """Process the rows read at monotonic time `now`; return the live workers whose heartbeat is too old."""
        gap = self._scanned_at is None or now - self._scanned_at > self._gap_s
        self._scanned_at = now
        seen: dict[UUID, _Seen] = {}
        expired = []
        for worker in workers:
            if worker.state != "live":
                continue
            before = None if gap else self._seen.get(worker.id)
            if before is None or (before.generation, before.beat) != (worker.generation, worker.beat):
                before = _Seen(worker.generation, worker.beat, now)
            elif now - before.since >= self._lease_s:
                expired.append(worker)
            seen[worker.id] = before
        self._seen = seen
        return expired
