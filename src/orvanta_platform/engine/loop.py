"""The bodies of one loop, branch or sub-workflow: which are open, which comes next, how it ends.

Nothing of a single iteration is kept, so a loop of a million takes as much room as one of two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID

import msgspec

MAX_ITERATIONS = 1_000_000
"""A loop has no more iterations than this; the one that would begin another fails with `loop_limit`."""

WIDEST = 1_000
"""Bodies of one node that are open at the same time, at most."""


@dataclass(frozen=True, slots=True)
class KeptBodies:
    """Bodies that other runs had: of `openings`, the newest first, all but those `again` (as in `Reopening`).

    `length`: of all bodies there are, None where that is not known.
    """

    openings: tuple[UUID, ...]
    again: tuple[int, ...]
    length: int | None

    @property
    def count(self) -> int:
        """How many bodies run again."""
        return sum(stop - first for first, stop in _pairs(self.again))

    def place(self, number: int) -> int:
        """Which body is the one that runs as `number`, from 0."""
        for first, stop in _pairs(self.again):
            if number < stop - first:
                return first + number
            number -= stop - first
        raise IndexError("no such body runs again")

    def runs(self, place: int) -> bool:
        """Whether this body is one that runs again."""
        return any(first <= place < stop for first, stop in _pairs(self.again))


def kept_bodies(openings: tuple[UUID, ...], again: tuple[int, ...], length: int | None) -> KeptBodies:
    """What is kept where there are `length` bodies (None: any number)."""
    most = MAX_ITERATIONS if length is None else length
    cut = [(first, min(stop, most)) for first, stop in _pairs(again) if first < most]
    return KeptBodies(openings, tuple(number for pair in cut for number in pair), length)


def _pairs(flat: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    return zip(flat[::2], flat[1::2], strict=True)


@dataclass(frozen=True, slots=True)
class Loop:
    """`total` None: it goes on until something ends it. `width`: open at once, at most. `next`: the one to begin next.

    `failed`: the first that failed and counts, in order of commit. `over`: nothing more begins. `stopped`: a node
    inside ended it early, `skips` as in `Stop`. `cancelled`: somebody cancelled what is inside; `late`: its time was
    over; `limited`: it would have had too many. `disapproved`: a suspend inside was refused, in the one that `failed`.
    `aborted`: somebody cancelled the node alone, for this reason. `handed_over`: what stopped it was a node inside that
    handed over to a later one.
    `kept`: of a restart; then `total` and `next` count what runs again alone, and `place` says which body that is.
    """

    total: int | None
    width: int
    next: int = 0
    open: int = 0
    failed: int | None = None
    over: bool = False
    stopped: bool = False
    skips: bool = False
    cancelled: bool = False
    late: bool = False
    limited: bool = False
    disapproved: bool = False
    aborted: str | None = None
    handed_over: bool = False
    kept: KeptBodies | None = None

    def place(self, number: int) -> int:
        """The place of the body that begins as `number`."""
        return number if self.kept is None else self.kept.place(number)

    @property
    def length(self) -> int | None:
        """How many bodies there are in all."""
        return self.total if self.kept is None else self.kept.length

    @property
    def reached(self) -> int:
        """The place behind the last body that has begun, of those that begin in order."""
        return self.next if self.kept is None or not self.next else self.kept.place(self.next - 1) + 1

    @property
    def done(self) -> bool:
        """Whether all of it has ended."""
        return self.open == 0 and (self.over or self.next == self.total)

    def begin(self, room: int = WIDEST) -> tuple[Loop, range]:
        """Those that begin now, at most `room`."""
        if self.over:
            return self, range(self.next, self.next)
        most = MAX_ITERATIONS if self.total is None else self.total
        last = min(most, self.next + self.width - self.open, self.next + room)
        opened = range(self.next, max(last, self.next))
        made = replace(self, next=opened.stop, open=self.open + len(opened))
        if self.total is None and not made.open and room > 0:
            made = replace(made, over=True, limited=True)
        return made, opened

    def end(self, place: int, *, failed: bool, stopped: bool, skips: bool = False, handed_over: bool = False) -> Loop:
        """One has ended; `failed`: and its failure is that of the whole."""
        first = place if failed and self.failed is None else self.failed
        return replace(
            self,
            open=self.open - 1,
            failed=first,
            over=self.over or failed or stopped,
            stopped=self.stopped or stopped,
            skips=self.skips or (stopped and skips),
            handed_over=handed_over and (self.handed_over or not self.stopped) if stopped else self.handed_over,
        )

    def disapprove(self, place: int) -> Loop:
        """One has ended by a suspend that was refused: that is the failure of the whole, whatever else failed."""
        return replace(self, open=self.open - 1, failed=place, over=True, disapproved=True)

    def cancel(self) -> Loop:
        """Nothing more begins; what is open is being cancelled."""
        return replace(self, over=True, cancelled=True)

    def abort(self, reason: str) -> Loop:
        """The same, and the node has failed by it."""
        return replace(self, over=True, cancelled=True, aborted=reason)

    def encode(self) -> bytes:
        """The loop as bytes."""
        flags = (
            *(self.over, self.stopped, self.skips, self.cancelled, self.late, self.limited, self.disapproved),
            *([self.aborted, self.handed_over] if self.aborted is not None or self.handed_over else []),
        )
        parts = (self.total, self.width, self.next, self.open, self.failed, flags)
        if self.kept is None:
            return msgspec.msgpack.encode(parts)
        openings = [opening.bytes for opening in self.kept.openings]
        return msgspec.msgpack.encode((*parts, openings, self.kept.again, self.kept.length))

    @staticmethod
    def decode(data: bytes) -> Loop:
        """Read what `encode` wrote."""
        total, width, following, under_way, failed, flags, *rest = msgspec.msgpack.decode(data)
        kept = KeptBodies(tuple(UUID(bytes=id) for id in rest[0]), tuple(rest[1]), rest[2]) if rest else None
        return replace(Loop(total, width, following, under_way, failed, *flags), kept=kept)
