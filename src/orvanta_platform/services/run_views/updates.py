"""Changes of a run or job since the caller's last query, by long polling or as a stream."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.control.live_actor import LiveActor
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import CONNECTION_LOST
from orvanta_platform.services.logs import streams as stream_text
from orvanta_platform.services.logs import text as log_text
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.run_views.flow_status import FlowProgress
from orvanta_platform.storage import ObjectMissing

HELD_S = 2.0
"""Maximum duration of a long poll in seconds."""

KEEP_ALIVE_S = 15.0
"""Seconds without updates after which a stream sends a keep-alive."""

_POLL_S = 1.0
_PER_WAITER_S = 0.01
"""The fallback polling interval grows with the number of waiters, so that the load on the database is limited.

Changes are notified independently of it.
"""
_FLOW_GAP_S = 0.5
_BREATH_S = 0.02
_RECENT_LIMIT = 500


class Update(msgspec.Struct, frozen=True):
    """Changes since the caller's last query."""

    running: bool
    completed: bool
    new_logs: str
    log_offset: int
    """Number of log characters that the caller has after it appends `new_logs`."""
    mem_peak_kb: int | None
    progress: FlowProgress | None
    """None if it has not changed, or if there are no nodes."""
    new_stream: str | None = None
    """Stream data after the caller's offset; None if it was not requested."""
    stream_offset: int | None = None
    """The caller's next offset (stream_text.py); None if the stream was not requested."""
    stream_attempt: int | None = None
    """If it differs from the previous one, a retry has restarted the stream, and `new_stream` replaces earlier data."""


class _KnownState(msgspec.Struct, frozen=True):
    """State known to the caller."""

    running: bool | None
    log_offset: int
    with_logs: bool
    stream_offset: int | None = None
    """None: the stream is not requested."""
    stream_of: UUID | None = None
    """Job whose stream is read."""
    progress: FlowProgress | None = None

    def wants(self, update: Update) -> bool:
        """Return whether the update contains anything new."""
        news = self.running is not None and update.running != self.running
        texts = update.new_logs or update.new_stream
        return bool(update.completed or texts or news or self._moved(update.progress))

    def _moved(self, progress: FlowProgress | None) -> bool:
        return progress is not None and self.progress is not None and progress != self.progress


class _SentProgress(msgspec.Struct, frozen=True):
    """The progress last sent to a caller, and its time (monotonic seconds)."""

    progress: FlowProgress
    at: float


_recent_progress: OrderedDict[tuple[str, UUID], _SentProgress] = OrderedDict()
"""Cache of the progress last sent, which lets a repeated call return immediately if something changed in between.

It does not distinguish browser tabs or servers. Callers without an entry get a response at the next change.
"""


async def update(
    platform: Platform,
    caller: LiveActor,
    workspace: str,
    id: UUID,
    *,
    running: bool | None = None,
    log_offset: int = 0,
    stream_offset: int | None = None,
    with_logs: bool = True,
) -> Update:
    """Return the changes for a caller who knows `running` (None: nothing) and `log_offset` characters of the log.

    `stream_offset` (≥ 0) is that of the last response, 0 for the start, None for no stream. Returns as soon as there
    are changes, and after HELD_S seconds at the latest. Raises NotFound, Unauthenticated, also if the caller loses
    access to the run or its token while waiting.
    """
    actor = await caller.current()
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        stream_of = None if stream_offset is None else await jobs.streaming_job(platform, conn, row)
    sent = _recent_progress.get((actor.username, id)) if row.is_flow else None
    progress = sent.progress if sent else None
    interest = _KnownState(running, log_offset, with_logs, stream_offset, stream_of, progress)
    until = clock.monotonic() + HELD_S
    with platform.listen.watch(*_topics(row.run, id, stream_of)) as watch:
        while True:
            found = await _query(platform, caller, workspace, id, interest)
            left = until - clock.monotonic()
            early = sent.at + _FLOW_GAP_S - clock.monotonic() if sent else 0.0
            if left <= 0 or found.completed or (interest.wants(found) and early <= 0):
                _remember(actor.username, id, found)
                return found
            if interest.progress is None:
                interest = replace(interest, progress=found.progress)
            await watch.wait(min(left, early if early > 0 else _POLL_S))


async def updates(
    platform: Platform,
    caller: LiveActor,
    workspace: str,
    id: UUID,
    *,
    log_offset: int = 0,
    stream_offset: int | None = None,
    with_logs: bool = True,
) -> AsyncIterator[Update | None]:
    """Return a stream of updates that ends with the completed one; None if nothing happened for KEEP_ALIVE_S seconds.

    Permission is checked before the iterator is returned, and again at each query; waits while the database is
    unavailable. The iterator raises Unauthenticated, NotFound once the caller may no longer read the run.
    """
    actor = await caller.current()
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        stream_of = None if stream_offset is None else await jobs.streaming_job(platform, conn, row)
    return _stream(platform, caller, workspace, row, _KnownState(None, log_offset, with_logs, stream_offset, stream_of))


async def of_started(platform: Platform, caller: LiveActor, workspace: str, run: UUID) -> AsyncIterator[Update | None]:
    """Return the stream of a run that the caller just started, from its start.

    A token that may only start runs is sufficient.
    """
    return await updates(platform, caller.unlimited(), workspace, run, stream_offset=0)


async def _stream(
    platform: Platform, caller: LiveActor, workspace: str, row: JobRow, interest: _KnownState
) -> AsyncIterator[Update | None]:
    gap = _FLOW_GAP_S if row.is_flow else 0.0
    sent_at = clock.monotonic() - KEEP_ALIVE_S
    first = True
    with platform.listen.watch(*_topics(row.run, row.id, interest.stream_of)) as watch:
        while True:
            try:
                found = await _query(platform, caller, workspace, row.id, interest)
            except CONNECTION_LOST:
                await watch.wait(_POLL_S)
                continue
            quiet = clock.monotonic() - sent_at
            held = interest.wants(found) and quiet < gap
            if first or found.completed or (interest.wants(found) and not held):
                yield _without_known(found, interest)
                if found.completed:
                    return
                sent_at, first = clock.monotonic(), False
                interest = replace(
                    interest,
                    running=found.running,
                    log_offset=found.log_offset,
                    stream_offset=found.stream_offset,
                    progress=found.progress,
                )
            elif quiet >= KEEP_ALIVE_S:
                yield None
                sent_at = clock.monotonic()
            pause = gap - quiet if held else max(_POLL_S, _PER_WAITER_S * platform.listen.waiters)
            alive = max(KEEP_ALIVE_S, _POLL_S)
            while not await watch.wait(min(pause, alive)) and (pause := pause - alive) > 0:
                yield None
                sent_at = clock.monotonic()
            # A busy workflow notifies its watchers hundreds of times per second, faster than a reader needs.
            await asyncio.sleep(_BREATH_S)


def _remember(username: str, id: UUID, found: Update) -> None:
    key = (username, id)
    _recent_progress.pop(key, None)
    if found.progress is not None and not found.completed:
        _recent_progress[key] = _SentProgress(found.progress, clock.monotonic())
    if len(_recent_progress) > _RECENT_LIMIT:
        _recent_progress.popitem(last=False)


def _without_known(found: Update, interest: _KnownState) -> Update:
    known = found.progress == interest.progress and not found.completed
    return replace(found, progress=None) if known else found


async def _query(platform: Platform, caller: LiveActor, workspace: str, id: UUID, interest: _KnownState) -> Update:
    actor = await caller.current()
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        progress = await jobs.progress_of(platform, conn, row) if row.is_flow else None
    new = _LogChunk("", interest.log_offset, False)
    if interest.with_logs and not row.is_flow:
        new = await _news(platform, row, interest.log_offset)
    streamed = None
    if interest.stream_offset is not None and interest.stream_of is not None:
        streamed = await stream_text.read(platform.db, interest.stream_of, interest.stream_offset)
    more = new.more or (streamed is not None and len(streamed.text) == stream_text.PAGE_CHARS)
    return Update(
        running=row.running or (row.ended and more),
        completed=row.ended and not more,
        new_logs=new.text,
        log_offset=new.offset,
        mem_peak_kb=row.mem_peak_kb,
        progress=progress,
        new_stream=streamed.text if streamed else None,
        stream_offset=streamed.offset if streamed else interest.stream_offset,
        stream_attempt=streamed.attempt if streamed else None,
    )


class _LogChunk(msgspec.Struct, frozen=True):
    """Next characters of the log, the offset after them, and whether more of an ended log follows."""

    text: str
    offset: int
    more: bool


async def _news(platform: Platform, row: JobRow, offset: int) -> _LogChunk:
    """Read the log. A run counts as completed only after its whole log was sent, in several responses if it is long."""
    try:
        text = await log_text.read(platform.db, platform.storage, row.id, offset)
        behind = offset + len(text)
        more = row.ended and len(text) == log_text.PAGE_CHARS
        if more:
            more = bool(await log_text.read(platform.db, platform.storage, row.id, behind, limit=1))
    except ObjectMissing as error:
        # The caller gets a message and is not asked to retry, because the object is lost.
        return _LogChunk(log_text.unreadable(error), max(offset, row.log_chars), False)
    return _LogChunk(text, behind, more)


def _topics(run: UUID, id: UUID, stream_of: UUID | None) -> tuple[str, ...]:
    topics = f"run:{run}", f"job:{id}"
    return topics if stream_of in (None, id) else (*topics, f"job:{stream_of}")
