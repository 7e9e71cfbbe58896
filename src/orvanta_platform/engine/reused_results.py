"""Results that a restarted run reuses from another run: references to results, and bodies of loops and branches.

They are part of the state of a list of nodes and stored with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.ids import as_derived


class Origin(msgspec.Struct, frozen=True):
    """List of nodes that produced a result: a run, and a frame in it (None: the top level)."""

    run: UUID
    frame: UUID | None = None


class Reopening(msgspec.Struct, frozen=True):
    """Continuation of a container node from its state in another run."""

    place: int | None = None
    """Position of the body that continues rather than restarts; None: every body restarts."""
    state: bytes | None = None
    """Encoded state with which that body starts; None: a new state."""
    openings: tuple[tuple[UUID, UUID], ...] = ()
    """(run, opening) pairs whose other bodies are reused, newest first."""
    again: tuple[int, ...] = ()
    """Bodies that run again, as flat (first, stop) pairs of ranges."""
    before: ReusedResults | None = None
    """Reused results of the preceding body, for while loops."""


class ReusedResults(msgspec.Struct, frozen=True):
    """Results that a list of nodes reuses from other runs."""

    origins: tuple[Origin, ...] = ()
    nodes: Mapping[int, int] = msgspec.field(default_factory=dict)
    """Position in `origins` of each node that ended in another run, by index; skipped nodes have no result."""
    inside: Mapping[int, Reopening] = msgspec.field(default_factory=dict)
    """Nodes that run again, but not with all of their bodies."""

    def origin(self, index: int) -> Origin | None:
        """Return the origin of a node's result; None if it belongs to the run itself."""
        place = self.nodes.get(index)
        return None if place is None else self.origins[place]

    def encode(self) -> bytes:
        """Return the results as bytes: two per node if all are from one run, and 32 per run."""
        origins = [(each.run.bytes, each.frame.bytes if each.frame else b"") for each in self.origins]
        return msgspec.msgpack.encode(
            (origins, pack(self.nodes), [(at, *_row(each)) for at, each in self.inside.items()])
        )

    @staticmethod
    def decode(data: bytes) -> ReusedResults:
        """Decode the output of `encode`. Ids of frames and openings get the current form, also in older states."""
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
    """Return key differences and values alternately: two bytes per entry if keys are dense."""
    flat: list[int] = []
    last = 0
    for key in sorted(numbers):
        flat += (key - last, numbers[key])
        last = key
    return flat


def unpack(flat: list[int]) -> dict[int, int]:
    """Decode the output of `pack`."""
    numbers: dict[int, int] = {}
    key = 0
    for step, value in zip(flat[::2], flat[1::2], strict=True):
        key += step
        numbers[key] = value
    return numbers
