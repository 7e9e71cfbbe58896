"""Timers: those that are due become events of their runs."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from orvanta_platform import clock
from orvanta_platform.db import gates as gate_rows
from orvanta_platform.db import jobs, runs, step_debounces
from orvanta_platform.db.jobs import Due, DueTimer
from orvanta_platform.db.pool import Connection
from orvanta_platform.orchestrator import inbox
from orvanta_platform.orchestrator.advance import Tools, advance_all
from orvanta_platform.queue import gates
from orvanta_platform.queue.scan_cursor import START, ScanCursor

_STALE_AFTER = timedelta(seconds=1)


@dataclass(slots=True)
class ScanPositions:
    """Low-water marks of this process for scans of timers and inboxes: rows below them have been processed."""

    past: datetime = START
    """Start of the latest scan of timers."""
    inbox_past: datetime = START
    """Start of the latest scan of inboxes."""
    _timers: ScanCursor = field(default_factory=ScanCursor)
    _inbox: ScanCursor = field(default_factory=ScanCursor)

    def begin(self, now: float) -> None:
        """Start a scan."""
        self.past, self.inbox_past = self._timers.begin(now), self._inbox.begin(now)

    def end(self, started: float, now: float, found: Due) -> None:
        """Record the result of a scan."""
        self._timers.end(started, now, min(found.due_at or found.now, found.now))
        self._inbox.end(started, now, found.stale_at or found.now - _STALE_AFTER)


async def fire(tools: Tools, past: datetime = START) -> int:
    """Move up to 200 timers due after `past` into inboxes and advance their runs; return the number of timers."""
    due = await tools.db.retrying(partial(_take_due, past))
    await advance_all(tools, dict.fromkeys(timer.run for timer in due))
    for timer in due:
        if timer.kind == "timeout" and timer.job == timer.run:
            tools.notify.cancelled(timer.run)
    return len(due)


async def grant_due_permits(tools: Tools, past: datetime = START) -> int:
    """Grant permits of limits whose window has passed; return the number of limits due after `past`."""

    async def let_through(connection: Connection) -> tuple[list[bytes], list[UUID]]:
        keys = await gate_rows.list_due(connection, past)
        return keys, await gates.settle(connection, due=keys)

    keys, runs = await tools.db.retrying(let_through)
    await advance_all(tools, runs)
    return len(keys)


async def start_debounced(tools: Tools, past: datetime = START) -> int:
    """Start debounced steps whose window has passed, those due after `past`; return their number."""
    runs = await tools.db.retrying(partial(step_debounces.end_due, past=past))
    await advance_all(tools, dict.fromkeys(runs))
    return len(runs)


async def sweep(tools: Tools, past: datetime = START) -> int:
    """Advance runs with events after `past` that have been pending for a second; return the number of runs."""
    async with tools.db.acquire() as connection:
        stale: list[UUID] = await runs.list_stale_inboxes(connection, past)
    await advance_all(tools, stale)
    return len(stale)


async def find_due(
    tools: Tools,
    positions: ScanPositions | None = None,
    connected: AbstractAsyncContextManager[Connection] | None = None,
) -> Due:
    """Return the work that is due now and the time of the next. `connected`: the turn of a poll to read it in."""
    positions = positions or ScanPositions()
    async with connected or tools.db.acquire() as connection:
        started = clock.monotonic()
        positions.begin(started)
        found = await jobs.get_next_due(connection, positions.past, positions.inbox_past)
    ended = clock.monotonic()
    positions.end(started if connected is None else ended - connection.alone_s, ended, found)
    return found


async def _take_due(past: datetime, connection: Connection) -> list[DueTimer]:
    due = await jobs.take_due_timers(connection, past)
    for timer in due:
        await runs.insert_event(connection, timer.run, inbox.write(_event(timer)))
    return due


def _event(timer: DueTimer) -> inbox.InboxEvent:
    match timer.kind:
        case "start":
            return inbox.StartRun()
        case "cancel":
            return inbox.CancelRun(force=True)
        case "wait" | "deadline":
            return inbox.NodeDue(timer.job, timer.kind)
        case "timeout":
            return inbox.TimeoutDue(timer.job)
        case _:
            return inbox.RetryDue(timer.job)
