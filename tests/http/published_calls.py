"""The calls of the API contract.

`contract.txt` has one call per line: ring, method, path and the codes of success. A program that is written against the
published clients uses these calls; the first ring is used most.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PARAMETER = re.compile(r"\{([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the contract."""

    ring: int
    method: str
    path: str
    codes: frozenset[int]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def key(self) -> tuple[str, str]:
        """Method and path without the names of its parameters."""
        return shape(self.method, f"/api{self.path}")


def shape(method: str, path: str) -> tuple[str, str]:
    """Return a call without the names of its path parameters."""
    return method.upper(), PARAMETER.sub("{}", path)


def calls() -> list[Call]:
    """Return the calls of the contract."""
    lines = (Path(__file__).parent / "contract.txt").read_text().splitlines()
    fields = [line.split() for line in lines]
    return [
        Call(int(ring), method, path, frozenset(map(int, codes.split(",")))) for ring, method, path, codes in fields
    ]
