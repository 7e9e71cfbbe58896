"""The bodies of one loop, branch or sub-workflow: which are open, which comes next, how it ends.

Nothing of a single iteration is kept, so a loop of a million takes as much room as one of two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

MAX_ITERATIONS = 1_000_000
"""A loop has no more iterations than this; the one that would begin another fails with `loop_limit`."""

WIDEST = 1_000
"""Bodies of one node that are open at the same time, at most."""


@dataclass(frozen=True, slots=True)
class Loop:
    """`total` None: it goes on until something ends it. `width`: open at once, at most. `next`: the one to begin next.

    `failed`: the first that failed and counts, in order of commit. `over`: nothing more begins. `stopped`: a node
    inside ended it early, `skips` as in `Stop`. `cancelled`: somebody cancelled what is inside; `late`: its time was
    over; `limited`: it would have had too many. `disapproved`: a suspend inside was refused, in the one that `failed`.
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

    def end(self, place: int, *, failed: bool, stopped: bool, skips: bool = False) -> Loop:
        """One has ended; `failed`: and its failure is that of the whole."""
        first = place if failed and self.failed is None else self.failed
        return replace(
            self,
            open=self.open - 1,
            failed=first,
            over=self.over or failed or stopped,
            stopped=self.stopped or stopped,
            skips=self.skips or (stopped and skips),
        )

    def disapprove(self, place: int) -> Loop:
        """One has ended by a suspend that was refused: that is the failure of the whole, whatever else failed."""
        return replace(self, open=self.open - 1, failed=place, over=True, disapproved=True)

    def cancel(self) -> Loop:
        """Nothing more begins; what is open is being cancelled."""
        return replace(self, over=True, cancelled=True)

    def encode(self) -> bytes:
        """The loop as bytes."""
        flags = (self.over, self.stopped, self.skips, self.cancelled, self.late, self.limited, self.disapproved)
        return msgspec.msgpack.encode((self.total, self.width, self.next, self.open, self.failed, flags))

    @staticmethod
    def decode(data: bytes) -> Loop:
        """Read what `encode` wrote."""
        total, width, following, under_way, failed, flags = msgspec.msgpack.decode(data)
        return Loop(total, width, following, under_way, failed, *flags)
