"""What a worker holds by its beat: its id, its generation, and since when no beat got through."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from orvanta_platform import clock


@dataclass(slots=True)
class Lease:
    """Kept by the worker's process from what its supervisor tells it. `lost_beat_s`: see ORVANTA_LOST_BEAT_MS."""

    worker: UUID
    generation: int
    lost_beat_s: float
    beat_at: float = field(default_factory=clock.monotonic)
    drained: bool = False

    def beaten(self, at: float, *, drained: bool = False) -> None:
        """A beat got through at monotonic `at` (the clock of this machine, shared with the supervisor).

        `drained`: nothing more is to be claimed, until a beat says otherwise.
        """
        self.beat_at = max(self.beat_at, at)
        self.drained = drained

    @property
    def may_claim(self) -> bool:
        """Whether more jobs may be claimed."""
        return not self.drained and self.may_start

    @property
    def may_start(self) -> bool:
        """Whether claimed jobs may be started: a beat got through not long ago."""
        return clock.monotonic() - self.beat_at < self.lost_beat_s
