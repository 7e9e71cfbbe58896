"""What a run has from another one that it goes on from: results by reference, and bodies of loops and branches.

Part of the state of a list of nodes, so it is written with it and read with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.ids import as_derived


@dataclass(frozen=True, slots=True)
class Origin:
    """The list of nodes that gave a result: a run, and the frame in it (None: its top level)."""

    run: UUID
    frame: UUID | None = None


@dataclass(frozen=True, slots=True)
class Reopening:
    """How a node that holds others goes on where another run's had come to.

    `place`: the body that does not begin anew, None: each does. `state`: how that one begins, encoded, None: anew.
    `openings`: whose other bodies are kept, as (run, opening), the newest first. `again`: the bodies that run, as the
    first of each row of them and the first behind it, in turn. `before`: results of the body before, for while loops.
    """

    place: int | None = None
    state: bytes | None = None
    openings: tuple[tuple[UUID, UUID], ...] = ()
    again: tuple[int, ...] = ()
    before: ReusedResults | None = None


@dataclass(frozen=True, slots=True)
class ReusedResults:
    """`nodes`: of those that ended in another run, the place of it among `origins`, by index.

    Skipped nodes are among them: they have no result. `inside`: nodes that run, but not all of what is in them.
    """

    origins: tuple[Origin, ...] = ()
    nodes: Mapping[int, int] = field(default_factory=dict)
    inside: Mapping[int, Reopening] = field(default_factory=dict)

    def origin(self, index: int) -> Origin | None:
        """Where the result of a node is; None: in its own run."""
        place = self.nodes.get(index)
        return None if place is None else self.origins[place]

    def encode(self) -> bytes:
        """As bytes: two a node where all are of one run, and 32 for each run."""
        origins = [(each.run.bytes, each.frame.bytes if each.frame else b"") for each in self.origins]
        return msgspec.msgpack.encode(
            (origins, pack(self.nodes), [(at, *_row(each)) for at, each in self.inside.items()])
        )

    @staticmethod
    def decode(data: bytes) -> ReusedResults:
        """Read what `encode` wrote. Ids of frames and openings have the present form, also in older states."""
        origins, nodes, inside = msgspec.msgpack.decode(data, type=_Row)
        found = (Origin(UUID(bytes=run), as_derived(UUID(bytes=frame)) if frame else None) for run, frame in origins)
        return ReusedResults(tuple(found), unpack(nodes), {at: _reopening(*row) for at, *row in inside})


_Inside = tuple[int, int | None, bytes | None, list[tuple[bytes, bytes]], list[int], bytes]
_Row = tuple[list[tuple[bytes, bytes]], list[int], list[_Inside]]


def _row(each: Reopening) -> tuple[Any, ...]:
    openings = [(run.bytes, opening.bytes) for run, opening in each.openings]
    return (each.place, each.state, openings, each.again, each.before.encode() if each.before is not None else b"")


def _reopening(
    place: int | None, state: bytes | None, openings: list[tuple[bytes, bytes]], again: list[int], before: bytes
) -> Reopening:
    found = tuple((UUID(bytes=run), as_derived(UUID(bytes=opening))) for run, opening in openings)
    return Reopening(place, state, found, tuple(again), ReusedResults.decode(before) if before else None)


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
