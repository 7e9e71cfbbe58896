"""Feed of a run, shared by all its watchers on this server: its graph, and the output of its jobs.

Readers wait for the feed and take its batches. They query the database only if they fall behind. A feed queries the
database when it is notified that its run changed or printed, and periodically in case a notification was lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
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
"""Minimum interval in seconds between queries of a run that changes continuously."""

_POLL_S: Final = 1.0
_PER_FEED_S: Final = 0.02
_ROOM_CHARS: Final = 4 << 20
_ROOM_BATCHES: Final = 256

log = structlog.get_logger(__name__)


class Batch(msgspec.Struct, frozen=True):
    """Ordered parts of logs. All parts up to `horizon` are in this batch or an earlier one."""

    parts: tuple[tuple[LogPart, datetime], ...]
    horizon: datetime
    chars: int


class Feed:
    """A watched run.

    `row`, `graph`: its last known state, None before the first query. `gone`: it was deleted. `complete`: it has ended,
    and all of its logs are in `batches` or existed when the feed started. The first batch has the number `first`, the
    next new one will have `next`.
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
        """Start querying."""
        self._task = asyncio.create_task(self._watch(), name="run feed")

    def end(self) -> None:
        """Stop querying; readers end. A repeated call has no effect."""
        self.gone = True
        if self._task is not None:
            self._task.cancel()
        self._notify()

    async def close(self) -> None:
        """Stop querying and wait until the task has ended."""
        self.end()
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def horizon(self) -> datetime | None:
        """Time up to which all parts of logs have been read."""
        return self._tail.horizon if self._tail is not None else None

    async def _watch(self) -> None:
        """Query the run until it has ended or was deleted."""
        listen, topics = self._platform.listen, (f"run:{self._run}", jobs_topic(self._run))
        with listen.watch(*topics) as watch:
            while not (self.gone or self.complete):
                await self._once(watch)

    async def _once(self, watch: Watch) -> None:
        try:
            await self.query()
        except (*CONNECTION_LOST, *TRANSIENT):
            await asyncio.sleep(_POLL_S)
            return
        except Exception:
            log.exception("a watched run cannot be queried", action="feed", run=str(self._run))
            self.gone = True
        self._notify()
        if not (self.gone or self.complete):
            await asyncio.sleep(GAP_S)
            await watch.wait(max(_POLL_S, _PER_FEED_S * len(self._platform.feeds)))

    async def query(self) -> None:
        """Query the state of the run, then its logs. For an ended run the logs are then complete."""
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
        while page is None or not page.complete:
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

    def _notify(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


@contextmanager
def join(platform: Platform, workspace: str, run: UUID) -> Iterator[Feed]:
    """Return the feed of a run for a reader that may read it. The feed ends with its last reader."""
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
