"""One look at a run for all who watch it on this server: its graph, and what its jobs print.

Readers wait for the feed and take what it has; nobody asks the database as long as he keeps up. A feed looks when it is
told that its run moved or printed, and now and then in case that got lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from orvanta_platform.db import job_views
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.notify import Watch, jobs_topic
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT
from orvanta_platform.services.logs import tail as log_tail
from orvanta_platform.services.logs.tail import LogPart, Page
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import graph as run_graph
from orvanta_platform.services.run_views.graph import RunGraph

GAP_S: Final = 0.2
"""A run that moves all the time is looked at so often."""

_LOOK_AGAIN_S: Final = 1.0
_PER_FEED_S: Final = 0.02
_ROOM_CHARS: Final = 4 << 20
_ROOM_BATCHES: Final = 256

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """Parts of logs in order; then everything up to `horizon` was in this batch or one before."""

    parts: tuple[tuple[LogPart, datetime], ...]
    horizon: datetime
    chars: int


class Feed:
    """A run that is watched. `row`, `graph`: as it was seen last, None before it was; `gone`: it is no more.

    `complete`: it has ended, and all of its logs are in `batches` or were there when the feed began. The batch at the
    place 0 has the number `first`, the next one will have `next`.
    """

    def __init__(self, platform: Platform, workspace: str, run: UUID) -> None:
        self._platform, self._workspace, self._run = platform, workspace, run
        self.row: JobRow | None = None
        self.graph: RunGraph | None = None
        self.gone = False
        self.complete = False
        self.batches: deque[Batch] = deque()
        self.first = self.next = 0
        self.readers = 0
        self.changed = asyncio.Event()
        self._chars = 0
        self._tail: log_tail.Tail | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look from now on."""
        self._task = asyncio.create_task(self._watch(), name="run feed")

    def end(self) -> None:
        """Look no more; readers end. Safe to call twice."""
        self.gone = True
        if self._task is not None:
            self._task.cancel()
        self._tell()

    async def close(self) -> None:
        """The same, and wait until nothing of it runs."""
        self.end()
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def horizon(self) -> datetime | None:
        """Up to when all pieces of logs were seen."""
        return self._tail.horizon if self._tail is not None else None

    async def _watch(self) -> None:
        """Look until the run has ended, or is no more."""
        listen, topics = self._platform.listen, (f"run:{self._run}", jobs_topic(self._run))
        with listen.watch(*topics) as watch:
            while not (self.gone or self.complete):
                await self._once(watch)

    async def _once(self, watch: Watch) -> None:
        try:
            await self.look()
        except (*CONNECTION_LOST, *TRANSIENT):
            await asyncio.sleep(_LOOK_AGAIN_S)
            return
        except Exception:
            log.exception("a watched run cannot be looked at", action="feed", run=str(self._run))
            self.gone = True
        self._tell()
        if not (self.gone or self.complete):
            await asyncio.sleep(GAP_S)
            await watch.wait(max(_LOOK_AGAIN_S, _PER_FEED_S * len(self._platform.feeds)))

    async def look(self) -> None:
        """See how it stands, then what was printed: of a run that has ended that is all."""
        platform = self._platform
        if self._tail is None:
            self._tail = await log_tail.at_the_end(platform.db, self._run)
        async with platform.db.acquire() as conn:
            row = await job_views.find(conn, self._workspace, self._run)
            if row is None:
                self.gone = True
                return
            graph = await run_graph.of_row(platform, conn, row)
        page: Page | None = None
        while page is None or not page.whole:
            page = await log_tail.read_on(platform.db, platform.storage, self._run, self._tail, most_noted=1 << 30)
            self._add(page)
        self.row, self.graph, self.complete = row, graph, row.ended

    def _add(self, page: Page) -> None:
        if not page.parts or self._tail is None:
            return
        batch = Batch(tuple(page.parts), self._tail.horizon, sum(len(part.text) for part, _ in page.parts))
        self.batches.append(batch)
        self.next += 1
        self._chars += batch.chars
        while len(self.batches) > _ROOM_BATCHES or (self._chars > _ROOM_CHARS and len(self.batches) > 1):
            self._chars -= self.batches.popleft().chars
            self.first += 1

    def _tell(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


@contextmanager
def join(platform: Platform, workspace: str, run: UUID) -> Iterator[Feed]:
    """The feed of a run, for readers that may see it; it goes with the last of them."""
    feed: Feed | None = platform.feeds.get(run)
    if feed is None:
        feed = platform.feeds[run] = Feed(platform, workspace, run)
        feed.begin()
    feed.readers += 1
    try:
        yield feed
    finally:
        feed.readers -= 1
        if not feed.readers:
            platform.feeds.pop(run, None)
            feed.end()
