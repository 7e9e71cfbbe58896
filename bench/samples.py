"""Raw timings and their summary."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Samples:
    """Numbers of one unit, in the order they were measured."""

    unit: str
    values: tuple[float, ...]

    @classmethod
    def of(cls, unit: str, values: Iterable[float]) -> Samples:
        """Return the samples of these values. Raises ValueError without values."""
        found = tuple(values)
        if not found:
            raise ValueError("nothing was measured")
        return cls(unit, found)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def quantile(self, part: float) -> float:
        """Return the smallest value that at least `part` (0 to 1) of all values do not exceed."""
        ordered = sorted(self.values)
        return ordered[max(0, -(-len(ordered) * round(part * 1000) // 1000) - 1)]

    def record(self) -> dict[str, Any]:
        """Return the numbers as JSON values, rounded to the resolution of a clock."""
        return {
            "unit": self.unit,
            "n": len(self.values),
            "median": _rounded(self.median),
            "min": _rounded(min(self.values)),
            "max": _rounded(max(self.values)),
            "raw": [_rounded(value) for value in self.values],
        }

    def text(self) -> str:
        """Return median, minimum and maximum with the unit."""
        return f"{self.median:.4g} {self.unit} ({min(self.values):.4g} to {max(self.values):.4g}, n={len(self.values)})"


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
