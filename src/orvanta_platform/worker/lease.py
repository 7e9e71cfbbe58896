"""The lease of a worker: its id and generation, valid as long as its beats are recorded."""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass, field
from uuid import UUID

from orvanta_platform import clock

IDLE_TRANSACTION_MS = 10_000
"""Time after which the database ends a session whose transaction waits for the worker's process or its supervisor.

A frozen process would keep the locks of its jobs, and nobody could take them over when its lease has ended.
"""

_BEAT_AT, _DRAINED, _JOBS, _BEATS, _POLLED_AT = range(5)
"""Positions of the words. The two processes may be of different versions: 0 means unknown, and none is used again."""


class SharedRecord:
    """Record of a worker in memory that its supervisor and its process share, so that neither wakes the other.

    The supervisor writes the heartbeats, the process the number of jobs and the time of its polls. Each value is one
    aligned word, which is written and read as a whole. Two values that are read may be of different heartbeats.
    """

    def __init__(self, handle: int = -1) -> None:
        """Map the file `handle` of `create_file`; without it, the record belongs to this process only."""
        self._memory = memoryview(mmap.mmap(handle, mmap.PAGESIZE))
        self._times, self._numbers = self._memory.cast("d"), self._memory.cast("q")

    @staticmethod
    def create_file() -> int:
        """Create an anonymous file for a record and return its handle."""
        handle = os.memfd_create("lease")
        os.ftruncate(handle, mmap.PAGESIZE)
        return handle

    @property
    def beat_at(self) -> float:
        """Monotonic time of the last recorded beat, 0 before the first one. Both processes use the same clock."""
        return self._times[_BEAT_AT]

    @property
    def beats(self) -> int:
        """Number of the last recorded beat; 0: unknown."""
        return self._numbers[_BEATS]

    @property
    def drained(self) -> bool:
        """True if the worker must not claim further jobs, as of the last beat."""
        return bool(self._numbers[_DRAINED])

    @drained.setter
    def drained(self, drained: bool) -> None:
        self._numbers[_DRAINED] = drained

    @property
    def jobs_executed(self) -> int:
        """Number of jobs that the process has completed."""
        return self._numbers[_JOBS]

    @jobs_executed.setter
    def jobs_executed(self, number: int) -> None:
        self._numbers[_JOBS] = number

    @property
    def polled_at(self) -> float:
        """Monotonic time before which every job that was assigned is known to the process; 0: it lends no slots."""
        return self._times[_POLLED_AT]

    @polled_at.setter
    def polled_at(self, at: float) -> None:
        self._times[_POLLED_AT] = at

    def record_beat(self, at: float, number: int = 0, *, drained: bool = False) -> None:
        """Record a beat of monotonic time `at` with its number, and whether the worker is drained.

        The time is written last: a process that knows the time of a beat, which prolongs its lease, also knows whether
        it is drained. A number that is too small ends a loan later.
        """
        self._numbers[_DRAINED] = drained
        self._numbers[_BEATS] = max(self._numbers[_BEATS], number)
        self._times[_BEAT_AT] = max(self._times[_BEAT_AT], at)


@dataclass(slots=True)
class Lease:
    """The lease as the worker's process knows it from its supervisor."""

    worker: UUID
    generation: int
    lost_beat_s: float
    """Age of the last beat, in seconds, from which no job may start: ORVANTA_LOST_BEAT_MS."""

    record: SharedRecord = field(default_factory=SharedRecord)

    began_at: float = field(default_factory=clock.monotonic)
    """Monotonic time at which the lease began, which counts as a beat."""

    excluded: str | None = None
    """Reason for which the worker does not meet the requirements of its group, and claims no jobs; None: it does."""

    @property
    def may_claim(self) -> bool:
        """True if further jobs may be claimed."""
        return self.may_start and not self.record.drained and self.excluded is None

    @property
    def may_start(self) -> bool:
        """True if claimed jobs may be started: the last beat is recent enough."""
        return clock.monotonic() - max(self.began_at, self.record.beat_at) < self.lost_beat_s
