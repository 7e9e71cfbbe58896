"""State of the bodies of one loop, branch or sub-workflow: which are open, which starts next, how it ends.

No data of single iterations is stored, so a loop with a million iterations is as small as one with two.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import msgspec
from msgspec.structs import replace

MAX_ITERATIONS = 1_000_000
"""Maximum number of iterations of a loop; starting another one fails it with `loop_limit`."""

MAX_OPEN_BODIES = 1_000
"""Maximum number of bodies of one node that are open at the same time."""


class ReusedBodies(msgspec.Struct, frozen=True):
    """Bodies reused from earlier runs."""

    openings: tuple[UUID, ...]
    """Openings of the earlier runs, newest first."""
    again: tuple[int, ...]
    """Ranges of bodies that run again, as in `Reopening`; all others are reused."""
    length: int | None
    """Number of all bodies; None if unknown."""

    @property
    def count(self) -> int:
        """Return how many bodies run again."""
        return sum(stop - first for first, stop in _ranges(self.again))

    def place(self, number: int) -> int:
        """Return the position of the body that runs as `number`, counted from 0."""
        for first, stop in _ranges(self.again):
            if number < stop - first:
                return first + number
            number -= stop - first
        raise IndexError("no such body runs again")

    def runs(self, place: int) -> bool:
        """Return whether the body at this position runs again."""
        return any(first <= place < stop for first, stop in _ranges(self.again))


def reused_bodies(openings: tuple[UUID, ...], again: tuple[int, ...], length: int | None) -> ReusedBodies:
    """Return the reused bodies, clipped to `length` bodies (None: unlimited)."""
    limit = MAX_ITERATIONS if length is None else length
    clipped = [(first, min(stop, limit)) for first, stop in _ranges(again) if first < limit]
    return ReusedBodies(openings, tuple(number for pair in clipped for number in pair), length)


def _ranges(flat: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    return zip(flat[::2], flat[1::2], strict=True)


class Loop(msgspec.Struct, frozen=True):
    """Progress of the bodies of one container node."""

    total: int | None
    """Number of bodies to run, in a restart only of those that run again; None: unlimited until something ends them."""
    width: int
    """Maximum number of bodies open at the same time."""
    next: int = 0
    """Number of the next body to start; in a restart `place` maps it to a position."""
    open: int = 0
    """Number of bodies currently open."""
    failed: int | None = None
    """Position of the first body whose failure counts, in commit order."""
    over: bool = False
    """True if no more bodies start."""
    stopped: bool = False
    """True if a nested node ended the loop early."""
    skips: bool = False
    """True if the run that this ends is labelled skipped, as in `Stop`."""
    cancelled: bool = False
    """True if the bodies were cancelled."""
    late: bool = False
    """True if the time limit was exceeded."""
    limited: bool = False
    """True if the limit of iterations was reached."""
    disapproved: bool = False
    """True if a nested suspend was rejected, in the body `failed`."""
    aborted: str | None = None
    """Reason, if a person cancelled only this node."""
    handed_over: bool = False
    """True if the early end is a hand-over of a nested node to a later one."""
    reused: ReusedBodies | None = None
    """Bodies reused by a restart."""

    def place(self, number: int) -> int:
        """Return the position of the body that starts as `number`."""
        return number if self.reused is None else self.reused.place(number)

    @property
    def length(self) -> int | None:
        """Return the total number of bodies."""
        return self.total if self.reused is None else self.reused.length

    @property
    def reached(self) -> int:
        """Return the position after the last started body, for bodies that start in order."""
        return self.next if self.reused is None or not self.next else self.reused.place(self.next - 1) + 1

    @property
    def done(self) -> bool:
        """Return whether all bodies have ended."""
        return self.open == 0 and (self.over or self.next == self.total)

    def begin(self, room: int = MAX_OPEN_BODIES) -> tuple[Loop, range]:
        """Start the next bodies, at most `room`; return the updated loop and their numbers."""
        if self.over:
            return self, range(self.next, self.next)
        limit = MAX_ITERATIONS if self.total is None else self.total
        last = min(limit, self.next + self.width - self.open, self.next + room)
        opened = range(self.next, max(last, self.next))
        updated = replace(self, next=opened.stop, open=self.open + len(opened))
        if self.total is None and not updated.open and room > 0:
            updated = replace(updated, over=True, limited=True)
        return updated, opened

    def end(self, place: int, *, failed: bool, stopped: bool, skips: bool = False, handed_over: bool = False) -> Loop:
        """Record the end of one body; `failed` if its failure fails the node."""
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
        """Record the rejection of a suspend in one body, which takes precedence over other failures."""
        return replace(self, open=self.open - 1, failed=place, over=True, disapproved=True)

    def cancel(self) -> Loop:
        """Start no more bodies; the open ones are being cancelled."""
        return replace(self, over=True, cancelled=True)

    def abort(self, reason: str) -> Loop:
        """Cancel the bodies and fail the node for this reason."""
        return replace(self, over=True, cancelled=True, aborted=reason)

    def encode(self) -> bytes:
        """Return the loop as bytes."""
        flags = (
            *(self.over, self.stopped, self.skips, self.cancelled, self.late, self.limited, self.disapproved),
            *([self.aborted, self.handed_over] if self.aborted is not None or self.handed_over else []),
        )
        parts = (self.total, self.width, self.next, self.open, self.failed, flags)
        if self.reused is None:
            return msgspec.msgpack.encode(parts)
        openings = [opening.bytes for opening in self.reused.openings]
        return msgspec.msgpack.encode((*parts, openings, self.reused.again, self.reused.length))

    @staticmethod
    def decode(data: bytes) -> Loop:
        """Decode the output of `encode`."""
        total, width, next_number, open_bodies, failed, flags, *rest = msgspec.msgpack.decode(data)
        reused = ReusedBodies(tuple(UUID(bytes=id) for id in rest[0]), tuple(rest[1]), rest[2]) if rest else None
        return replace(Loop(total, width, next_number, open_bodies, failed, *flags), reused=reused)
