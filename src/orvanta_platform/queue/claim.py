"""Claims: which lanes of the queue to scan, and from which position."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

from orvanta_platform import clock
from orvanta_platform.db import jobs
from orvanta_platform.db.jobs import ClaimedJob, ClaimLane
from orvanta_platform.db.pool import Connection

PAIRS_AGE_S = 1.0
"""Seconds for which a claimer relies on the known (queue, priority) pairs that hold work."""

LOW_WATER_LAG_S = 0.25
"""Delay of a low-water mark behind the claims: sequence numbers are not committed in order."""

LOW_WATER_AGE_S = 1.0
"""Interval at which a claimer scans from the start of the index, regardless of its mark."""

LONG_S = 0.1
SCAN_SHARE = 20
"""Slow scans from the start of the index, past dead rows that a snapshot retains, take at most 1/20 of the time. Those
of more than 1.5 s take more, by MAX_REST_S.
"""

MAX_REST_S = 30.0
"""Maximum seconds between two scans from the start. Not every slow scan is a long one: the process, or the database,
may have been stopped meanwhile.
"""

FROM_BELOW = 16
"""One claim in this many starts with the lowest priority, to prevent starvation."""

PINNED = "worker:"
"""Prefix of the queue of one worker, followed by its id: no other worker takes from it."""

_NO_PRIORITIES: Mapping[str, int] = MappingProxyType({})

UNDER_WAY, NEW = 0, 1
"""Lanes: jobs of runs in progress, first jobs of new runs."""


def rest_s(took_s: float) -> float:
    """Return the seconds until the next scan from the start after one that took `took_s`."""
    return min(SCAN_SHARE * took_s, MAX_REST_S) if took_s > LONG_S else 0.0


def own_queue(worker: UUID) -> str:
    """Return the queue of jobs for this worker only."""
    return f"{PINNED}{worker}"


def owner_of(queue: str | None) -> UUID | None:
    """Return the worker whose own queue this is; None if it is that of no single worker."""
    return UUID(queue.removeprefix(PINNED)) if queue is not None and is_pinned(queue) else None


def is_pinned(queue: str | None) -> bool:
    """Return whether the queue is that of one worker."""
    return queue is not None and queue.startswith(PINNED)


@dataclass(slots=True)
class LowWaterMark:
    """Claimed positions of one lane as (time, seq), oldest first; it is safe to scan above `low`."""

    low: int = 0
    since: float = 0.0
    claimed: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, now: float, seq: int) -> None:
        """Record a claim; one below the mark resets it, since more rows may have been committed late."""
        if seq <= self.low:
            self.low = 0
            self.claimed.clear()
        self.claimed.append((now, seq))

    def mark(self, now: float, age_s: float) -> int:
        """Return the position to scan above; once in `age_s` that is the start."""
        while self.claimed and now - self.claimed[0][0] > LOW_WATER_LAG_S:
            self.low = max(self.low, self.claimed.popleft()[1])
        if now - self.since > age_s:
            self.since = now
            return 0
        return self.low


class Claimer:
    """Claims jobs for one worker."""

    def __init__(
        self,
        worker: UUID,
        generation: int,
        queues: Collection[str] | None,
        *,
        but: Collection[str] = (),
        pinned: bool = True,
        first: Mapping[str, int] = _NO_PRIORITIES,
    ) -> None:
        """Serve `queues` (None: all) except `but`; `pinned`: also the worker's own queue.

        `first`: priorities of queues, which precede the priorities of their jobs.
        """
        self._own = own_queue(worker) if pinned else None
        self._worker = worker
        self._generation = generation
        self._queues = None if queues is None else frozenset(queues)
        self._but = frozenset(but)
        self._first = first
        self._pairs: list[tuple[str, int]] = []
        self._last_pairs: list[tuple[str, int]] = []
        self._tried_last_pairs = False
        self._exhausted = False
        self.saw_nothing = False
        """True if nothing waited that this worker serves: the last claim has read all waiting pairs and found none."""
        self._pairs_at = float("-inf")
        self._scan_s = 0.0
        self._start_s = 0.0
        self._marks: dict[tuple[str, int, int], LowWaterMark] = {}
        self._claims = itertools.count(1)

    async def claim(self, connection: Connection, free: int, *, notified: bool = True) -> list[ClaimedJob]:
        """Claim up to `free` jobs. An empty result: there is no work that this worker may take now.

        A shorter result means that the known pairs are exhausted; the next periodic claim starts with a scan.
        `notified`: a notification announced work. Otherwise it is a periodic scan, which may be skipped if scans are
        slow.
        """
        self.saw_nothing = False
        taken = await self._try_last_pairs(connection, free) if notified else []
        now = clock.monotonic()
        if not taken and (notified or not self._exhausted) and now - self._pairs_at <= PAIRS_AGE_S:
            taken = await self._claim(connection, free, now)
        if not taken:
            if notified or self._may_scan(now):
                await self._scan(connection, now)
                self.saw_nothing = not self._pairs
            else:
                self._pairs = self._last_pairs
            taken = await self._claim(connection, free, now)
        self._exhausted = len(taken) < free
        return taken

    async def _try_last_pairs(self, connection: Connection, free: int) -> list[ClaimedJob]:
        """Try, if nothing waited or after a pause, the pairs that held work last; if they do again, a round trip is
        saved.

        Happens once between two scans, unless these are slow, so that work in other queues is not missed.
        """
        now = clock.monotonic()
        if (
            (self._tried_last_pairs and self._may_scan(now))
            or not self._last_pairs
            or (self._pairs and now - self._pairs_at <= PAIRS_AGE_S)
        ):
            return []
        self._tried_last_pairs = True
        self._pairs = self._last_pairs
        return await self._claim(connection, free, now)

    def _may_scan(self, now: float) -> bool:
        return now - self._pairs_at >= rest_s(self._scan_s)

    async def _scan(self, connection: Connection, now: float) -> None:
        self._tried_last_pairs = self._exhausted = False
        pairs = await jobs.list_waiting_pairs(connection)
        self._pairs = [pair for pair in pairs if self.serves(pair[0])]
        self._last_pairs = self._pairs or self._last_pairs
        self._pairs_at = clock.monotonic()
        self._scan_s = self._pairs_at - now
        self._drop_old_marks(now)

    def _drop_old_marks(self, now: float) -> None:
        """Drop the marks of pairs without work that are due for a scan from the start of the index anyway."""
        known = {*self._pairs, *self._last_pairs}
        age_s = self._mark_age_s
        self._marks = {
            (queue, priority, lane): mark
            for (queue, priority, lane), mark in self._marks.items()
            if (queue, priority) in known or now - mark.since <= age_s
        }

    def serves(self, queue: str) -> bool:
        """Return whether jobs of the queue are claimed."""
        if is_pinned(queue):
            return queue == self._own
        return queue not in self._but and (self._queues is None or queue in self._queues)

    async def _claim(self, connection: Connection, free: int, now: float) -> list[ClaimedJob]:
        lanes = self._lanes(free, now)
        if not lanes or free <= 0:
            return []
        found = await jobs.claim(connection, lanes, self._worker, self._generation, free)
        if any(self._mark(lane.queue, lane.priority, lane.lane).since == now for lane in lanes):
            self._start_s = clock.monotonic() - now
        for job in found:
            if job.seq is not None:
                self._mark(job.queue, job.priority, job.lane).note(now, job.seq)
        return found

    def _lanes(self, free: int, now: float) -> list[ClaimLane]:
        """Return lanes by descending priority, queues in turn; of each pair, 3/4 go to runs in progress."""
        pairs = sorted(self._pairs, key=self._rank, reverse=True)
        turn = next(self._claims)
        if turn % FROM_BELOW == 0:
            pairs.reverse()
        most = -(-3 * free // 4)
        age_s = self._mark_age_s
        lanes = []
        for queue, priority in self._in_turn(pairs, turn):
            for lane, take in ((UNDER_WAY, most), (NEW, free)):
                lanes.append(ClaimLane(queue, priority, lane, self._mark(queue, priority, lane).mark(now, age_s), take))
        return lanes

    @property
    def _mark_age_s(self) -> float:
        """Interval, in seconds, at which a lane is scanned from the start of the index."""
        return max(LOW_WATER_AGE_S, rest_s(self._start_s))

    def _mark(self, queue: str, priority: int, lane: int) -> LowWaterMark:
        return self._marks.setdefault((queue, priority, lane), LowWaterMark())

    def _rank(self, pair: tuple[str, int]) -> tuple[int, int]:
        queue, priority = pair
        return self._first.get(queue, 0), priority

    def _in_turn(self, pairs: list[tuple[str, int]], turn: int) -> list[tuple[str, int]]:
        """Rotate queues of equal priority."""
        ordered: list[tuple[str, int]] = []
        for _, same in itertools.groupby(pairs, key=self._rank):
            group = list(same)
            at = turn % len(group)
            ordered += group[at:] + group[:at]
        return ordered
