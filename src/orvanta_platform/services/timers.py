"""Timers whose time has come become events of their runs."""

from __future__ import annotations

from uuid import UUID

from orvanta_platform.db import gates as gate_rows
from orvanta_platform.db import jobs, runs
from orvanta_platform.db.jobs import Due, DueTimer
from orvanta_platform.db.pool import Connection
from orvanta_platform.queue import gates
from orvanta_platform.services.steps import events as inbox
from orvanta_platform.services.steps.advance import Tools, advance_all


async def fire(tools: Tools) -> int:
    """Move up to 200 due timers into inboxes and advance their runs; gives how many were due."""
    due = await tools.db.retrying(_take)
    await advance_all(tools, dict.fromkeys(timer.run for timer in due))
    for timer in due:
        if timer.kind == "timeout" and timer.job == timer.run:
            tools.notify.cancelled(timer.run)
    return len(due)


async def open_gates(tools: Tools) -> int:
    """Let through those whom only the window of a limit held; gives how many limits were due."""

    async def let_through(connection: Connection) -> tuple[list[bytes], list[UUID]]:
        keys = await gate_rows.due(connection)
        return keys, await gates.settle(connection, due=keys)

    keys, runs = await tools.db.retrying(let_through)
    await advance_all(tools, runs)
    return len(keys)


async def sweep(tools: Tools) -> int:
    """Advance runs whose inbox nobody has taken in for a second; gives how many there were."""
    async with tools.db.acquire() as connection:
        stale: list[UUID] = await runs.stale_inbox(connection)
    await advance_all(tools, stale)
    return len(stale)


async def look(tools: Tools) -> Due:
    """What there is to do, and when."""
    async with tools.db.acquire() as connection:
        return await jobs.what_is_due(connection)


async def _take(connection: Connection) -> list[DueTimer]:
    due = await jobs.take_due_timers(connection)
    for timer in due:
        await runs.put_in_inbox(connection, timer.run, inbox.write(_event(timer)))
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
            return inbox.TimeOver(timer.job)
        case _:
            return inbox.RetryDue(timer.job)
