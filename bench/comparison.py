"""Sides of a comparison, called in turns by the same client."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.bars import Options
from bench.client import Call, Client
from bench.processes import CpuMeter
from bench.samples import Samples

WARM_UP = 5
_SETTLE_S = 0.1
"""Pause after a call: work that a side still does for it is counted as its own and does not slow down other sides."""


@dataclass(slots=True)
class Side:
    """A system that answers `call`. `about`: versions and settings, as JSON values."""

    name: str
    base: str
    call: Call
    meter: CpuMeter
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Measured:
    """Times of one side's calls, and their CPU time by role."""

    side: Side
    seconds: list[float] = field(default_factory=list)
    client_ns: int = 0

    @property
    def samples(self) -> Samples:
        return Samples.of("s", self.seconds)

    def record(self, steps: int) -> dict[str, Any]:
        """Return the measurement as JSON values, with the CPU in microseconds for each of `steps` in a call."""
        count = steps * len(self.seconds)
        self.side.meter.total["client"] = self.client_ns
        return {
            **self.side.about,
            "wall": self.samples.record(),
            "cpu_us_per_step": self.side.meter.result().per(count),
        }


def in_turns(sides: Sequence[Side], options: Options) -> list[Measured]:
    """Call every side once a round, so that disturbances of the machine affect all."""
    clients = [Client(side.base) for side in sides]
    measured = [Measured(side) for side in sides]
    try:
        for side, client in zip(sides, clients, strict=True):
            options.say(f"  warm-up of {side.name}")
            for _ in range(1 if options.quick else WARM_UP):
                client.time(side.call)
        for _ in range(options.rounds):
            for each, client in zip(measured, clients, strict=True):
                each.side.meter.start()
                before = time.process_time_ns()
                each.seconds.append(client.time(each.side.call))
                each.client_ns += time.process_time_ns() - before
                time.sleep(_SETTLE_S)
                each.side.meter.stop()
    finally:
        for client in clients:
            client.close()
    for each in measured:
        options.say(f"  {each.side.name}: {each.samples.text()}")
    return measured
