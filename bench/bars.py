"""The bars (benchmarks with a target), and the outcome of a measurement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a measurement. `quick` takes seconds and has no peers: it checks that a bar works, not its speed.

    `rounds`: measured repetitions after the warm-up; `jobs`: length of the queue of P4.
    `peers`: folder that peers are installed into.
    """

    quick: bool = False
    rounds: int = 15
    jobs: int = 100_000
    peers: Path | None = None
    say: Callable[[str], None] = print


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of one bar. `reached`: None if there is nothing to compare with; `measured` then gives the reason."""

    bar: str
    what: str
    asked: str
    measured: str
    reached: bool | None
    data: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the outcome as JSON values."""
        return {
            "bar": self.bar,
            "what": self.what,
            "asked": self.asked,
            "measured": self.measured,
            "reached": self.reached,
            "notes": list(self.notes),
            **self.data,
        }


Measure = Callable[[Options], Outcome]
