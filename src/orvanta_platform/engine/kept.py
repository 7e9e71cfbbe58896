"""What a run has from another one that it goes on from: results by reference, and bodies of loops and branches.

Part of the state of a list of nodes, so it is written with it and read with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import msgspec


@dataclass(frozen=True, slots=True)
class Origin:
    """The list of nodes that gave a result: a run, and the frame in it (None: its top level)."""

    run: UUID
    frame: UUID | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """`nodes`: of those that ended in another run, the place of it among `origins`, by index.

    Skipped nodes are among them: they have no result.
    """

    origins: tuple[Origin, ...] = ()
    nodes: Mapping[int, int] = field(default_factory=dict)

    def origin(self, index: int) -> Origin | None:
        """Where the result of a node is; None: in its own run."""
        place = self.nodes.get(index)
        return None if place is None else self.origins[place]

    def encode(self) -> bytes:
        """As bytes: two a node where all are of one run, and 32 for each run."""
        origins = [(each.run.bytes, each.frame.bytes if each.frame else b"") for each in self.origins]
        return msgspec.msgpack.encode((origins, pack(self.nodes)))

    @staticmethod
    def decode(data: bytes) -> Kept:
        """Read what `encode` wrote."""
        origins, nodes = msgspec.msgpack.decode(data, type=tuple[list[tuple[bytes, bytes]], list[int]])
        found = (Origin(UUID(bytes=run), UUID(bytes=frame) if frame else None) for run, frame in origins)
        return Kept(tuple(found), unpack(nodes))


def pack(numbers: Mapping[int, int]) -> list[int]:
    """Key steps and values in turn: two bytes an entry where keys are dense."""
    flat: list[int] = []
    last = 0
    for key in sorted(numbers):
        flat += (key - last, numbers[key])
        last = key
    return flat


def unpack(flat: list[int]) -> dict[int, int]:
    """Read what `pack` made."""
    numbers: dict[int, int] = {}
    key = 0
    for step, value in zip(flat[::2], flat[1::2], strict=True):
        key += step
        numbers[key] = value
    return numbers
