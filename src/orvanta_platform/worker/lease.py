"""The lease of a worker: its id and generation, valid as long as its beats are recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from orvanta_platform import clock

IDLE_TRANSACTION_MS = 10_000
"""Time after which the database ends a session whose transaction waits for the worker's process or its supervisor.

A frozen process would keep the locks of its jobs, and nobody could take them over when its lease has ended.
"""


@dataclass(slots=True)
class Lease:
    """The lease as the worker's process knows it from its supervisor."""

    worker: UUID
    generation: int
    lost_beat_s: float
    """Age of the last beat, in seconds, from which no job may start: ORVANTA_LOST_BEAT_MS."""

    beat_at: float = field(default_factory=clock.monotonic)
    """Monotonic time of the last recorded beat. The supervisor runs on the same machine and uses the same clock."""

    drained: bool = False
    """True if the worker must not claim further jobs; updated by each beat."""

    excluded: str | None = None
    """Reason for which the worker does not meet the requirements of its group, and claims no jobs; None: it does."""

    def record_beat(self, at: float, *, drained: bool = False) -> None:
        """Record a beat of monotonic time `at`, and whether the worker is drained."""
        self.beat_at = max(self.beat_at, at)
        self.drained = drained

    @property
    def may_claim(self) -> bool:
        """True if further jobs may be claimed."""
        return not self.drained and self.excluded is None and self.may_start

    @property
    def may_start(self) -> bool:
        """True if claimed jobs may be started: the last beat is recent enough."""
        return clock.monotonic() - self.beat_at < self.lost_beat_s
