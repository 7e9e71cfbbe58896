"""Stream of a whole run: state changes, logs and its end. It can be resumed after any message, on any server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

import msgspec

from orvanta_platform import clock
from orvanta_platform.control import permissions
from orvanta_platform.control.live_actor import MAX_AGE_S, LiveActor
from orvanta_platform.errors import Unauthenticated
from orvanta_platform.services.logs import tail as log_tail
from orvanta_platform.services.logs.tail import LogPart, Tail
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import feed as run_feed
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.run_views.feed import Feed
from orvanta_platform.services.run_views.graph import RunGraph

KEEP_ALIVE_S: Final = 15.0
"""Seconds without messages after which a stream sends a keep-alive."""

_HELD_S: Final = 0.5
_PER_READER_S: Final = 0.01
"""The interval between permission checks of a quiet run grows with the number of its readers.

Permission is always checked before a message.
"""


class Message(msgspec.Struct, frozen=True):
    """A message of the stream."""

    kind: Literal["status", "log", "end"]
    """`status`: the state has changed. `log`: new log parts. `end`: the last message."""
    cursor: str
    """Position from which the stream can be resumed after this message."""
    graph: RunGraph | None = None
    before: RunGraph | None = None
    """The graph of the previous status message, if there was one."""
    parts: tuple[LogPart, ...] = ()


class LogFilter(msgspec.Struct, frozen=True):
    """Selection of logs: all, `none`, or those of a node, job or attempt."""

    none: bool = False
    node: str | None = None
    job: UUID | None = None
    attempt: int | None = None

    def matches(self, part: LogPart) -> bool:
        """Return whether a part is selected."""
        return self.node in (None, part.node) and self.job in (None, part.job) and self.attempt in (None, part.attempt)


ALL: Final = LogFilter()


async def follow(
    platform: Platform,
    caller: LiveActor,
    workspace: str,
    id: UUID,
    *,
    cursor: str | None,
    logs: LogFilter = ALL,
) -> AsyncGenerator[Message | None]:
    """Return the selected messages of a run after `cursor`, until its end; None if nothing happened for a while.

    Permission is checked before the iterator is returned, and again before each message, with an actor at most
    MAX_AGE_S old; the iterator ends if the check fails. Raises NotFound, BadRequest.
    """
    actor = await caller.current()
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        if row.is_step:
            row = await jobs.get_readable(platform, conn, actor, workspace, row.run)
    tail, rev = log_tail.decode(row.run, cursor) if cursor else (Tail(), "")
    return _Reader(platform, workspace, row.run, tail, rev, caller, logs).messages()


@dataclass(slots=True)
class _Reader:
    """A reader of the stream. `rev`: revision of the last graph sent."""

    platform: Platform
    workspace: str
    run: UUID
    tail: Tail
    rev: str
    caller: LiveActor
    logs: LogFilter
    sent_graph: RunGraph | None = None
    joined: int = 0
    logs_behind: bool = False
    """A status was sent before the logs that precede it."""

    async def messages(self) -> AsyncGenerator[Message | None]:
        with run_feed.join(self.platform, self.workspace, self.run) as feed:
            while feed.graph is None and not feed.gone:
                await feed.changed.wait()
            behind, sent_at = True, clock.monotonic()
            while True:
                changed = feed.changed
                async for message in self._new_messages(feed, behind=behind):
                    if not await self._may_read(feed):
                        return
                    yield message
                    sent_at = clock.monotonic()
                    if message.kind == "end":
                        return
                behind = self.joined < feed.first
                if feed.gone or not await self._may_read(feed):
                    return
                if clock.monotonic() - sent_at >= KEEP_ALIVE_S:
                    yield None
                    sent_at = clock.monotonic()
                if not behind:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(min(max(MAX_AGE_S, _PER_READER_S * feed.readers), KEEP_ALIVE_S)):
                            await changed.wait()
                    behind = self.joined < feed.first

    async def _may_read(self, feed: Feed) -> bool:
        """Return whether the caller may still read the run. Waits while the database is unavailable."""
        try:
            actor = await self.caller.current_with_retry()
        except Unauthenticated:
            return False
        return feed.row is not None and permissions.can(actor, "read", jobs.target_of(feed.row))

    async def _new_messages(self, feed: Feed, *, behind: bool) -> AsyncIterator[Message]:
        """Yield the new messages.

        A state follows the logs printed before it. The first one is sent immediately, and again after them.
        """
        first = self._status(feed) if self.sent_graph is None else None
        if first is not None:
            yield first
            self.logs_behind = not self.logs.none
        printed = False
        if self.logs.none:
            self.joined = feed.next
        else:
            async for message in self._read_until_feed(feed) if behind else self._take_batches(feed):
                printed = True
                yield message
        if self.joined == feed.next:
            if (status := self._status(feed)) is not None:
                yield status
            elif self.logs_behind and (printed or not feed.complete):
                yield Message("status", self.tail.encode(self.rev), self.sent_graph, self.sent_graph)
            self.logs_behind = False
            if feed.complete:
                yield Message("end", self.tail.encode(self.rev), feed.graph)

    def _status(self, feed: Feed) -> Message | None:
        graph = feed.graph
        if graph is None or graph.rev == self.rev:
            return None
        before, self.sent_graph, self.rev = self.sent_graph, graph, graph.rev
        return Message("status", self.tail.encode(self.rev), graph, before)

    async def _read_until_feed(self, feed: Feed) -> AsyncIterator[Message]:
        """Read logs from the database until the next batch of the feed is the next new one."""
        joining = feed.next
        while True:
            page = await log_tail.read_on(self.platform.db, self.platform.storage, self.run, self.tail)
            if (message := self._log([part for part, _ in page.parts])) is not None:
                yield message
            if page.complete:
                self.joined = joining
                return
            if page.held:
                await asyncio.sleep(_HELD_S)

    async def _take_batches(self, feed: Feed) -> AsyncIterator[Message]:
        """Take the batches of the feed that this reader has not sent."""
        while feed.first <= self.joined < feed.next:
            batch = feed.batches[self.joined - feed.first]
            fresh: list[LogPart] = []
            for part, at in batch.parts:
                if not self.tail.has_room(part.job, at, log_tail.MAX_NOTED):
                    async for message in self._caught_up_behind(feed, fresh):
                        yield message
                    return
                if (new := self.tail.new_text(part, at)) is not None:
                    fresh.append(new)
            self.tail.pass_to(batch.horizon)
            self.joined += 1
            if (logged := self._log(fresh)) is not None:
                yield logged
        if self.joined == feed.next and feed.horizon is not None:
            self.tail.pass_to(feed.horizon)

    async def _caught_up_behind(self, feed: Feed, fresh: list[LogPart]) -> AsyncIterator[Message]:
        if (logged := self._log(fresh)) is not None:
            yield logged
        async for message in self._read_until_feed(feed):
            yield message

    def _log(self, parts: Sequence[LogPart]) -> Message | None:
        selected = tuple(part for part in parts if self.logs.matches(part))
        return Message("log", self.tail.encode(self.rev), parts=selected) if selected else None
