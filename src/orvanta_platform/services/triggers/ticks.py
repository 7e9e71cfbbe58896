"""The ticks of schedules: each is taken once, by one transaction that starts its run or says why there is none.

Everything here may be done by two processes at once: a tick is taken by a compare-and-set of its schedule's next_at,
and written down under the key (schedule, tick).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import structlog

from orvanta_platform import clock
from orvanta_platform.control import identity
from orvanta_platform.control.actor import Actor
from orvanta_platform.db import schedules, ticks
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT, Connection
from orvanta_platform.db.schedules import ScheduleRow
from orvanta_platform.db.ticks import NewTick
from orvanta_platform.engine.ticks import COUNTED
from orvanta_platform.errors import NotFound, OrvantaError
from orvanta_platform.queue.scan_cursor import START, ScanCursor
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.insertion import TransactionHook
from orvanta_platform.services.runs.run_spec import RunOptions
from orvanta_platform.services.triggers.schedules import target_of

TRIGGER = "schedule"
OVERLAP = "the run before it is still under way"
_LONGEST_ERROR = 2000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """A schedule whose tick `at` has come, read when the database's clock showed `now`."""

    schedule: ScheduleRow
    at: datetime
    now: datetime


class Taken(Exception):
    """Somebody else has written this already, or the schedule is not what it was: nothing was done."""


class Overlap(Exception):
    """The schedule wants no second run beside the one under way."""


async def due(platform: Platform, limit: int, past: datetime = START) -> list[Due]:
    """At most `limit` schedules whose tick, after `past`, has come, the longest due first."""
    async with platform.db.acquire() as conn:
        found = await schedules.due(conn, limit, past)
    return [Due(row, row.next_at, now) for row, now in found if row.next_at is not None]


async def next_in_s(platform: Platform, horizon: ScanCursor | None = None) -> float | None:
    """Seconds until the next tick (below 0: it is due); None where there is none. `horizon`: where looks begin."""
    horizon = horizon or ScanCursor()
    async with platform.db.acquire() as conn:
        began = clock.monotonic()
        next_at, now = await schedules.next_tick(conn, horizon.begin(began))
    horizon.end(began, clock.monotonic(), min(next_at or now, now))
    return None if next_at is None else (next_at - now).total_seconds()


async def start(platform: Platform, tick: Due, next_at: datetime | None) -> bool:
    """Start the run of a tick, or the script that is asked about it first; False where the tick was taken before.

    What cannot start is written down, with why, and shown as the schedule's error: the schedule stays.
    """
    row = tick.schedule
    try:
        if row.dynamic_skip is None:
            if row.no_flow_overlap and await _is_running(platform, row.id):
                raise Overlap
            await start_run(platform, row, tick.at, in_transaction=partial(_begin, tick, next_at, "run"))
        else:
            args = {"scheduled_for": tick.at}
            in_transaction = partial(_begin, tick, next_at, "asked")
            await start_named(
                platform, row, row.dynamic_skip, msgspec.json.encode(args), tick.at, in_transaction=in_transaction
            )
    except Taken:
        return False
    except Overlap:
        return await _write(platform, tick, next_at, "skipped", OVERLAP)
    except Exception as error:
        return await _write(platform, tick, next_at, "failed", why(error), error=True)
    return True


async def let_go(platform: Platform, tick: Due, missed: int, next_at: datetime | None) -> bool:
    """Write down that `missed` ticks from this one on are not started; False where the tick was taken before."""
    many = f"more than {COUNTED - 1}" if missed >= COUNTED else str(missed)
    verb = "tick was" if missed == 1 else "ticks were"
    detail = f"{many} {verb} missed and not started, by the rule {tick.schedule.missed}"
    log.warning("ticks missed", action="schedule", schedule=tick.schedule.path, ticks=missed, since=str(tick.at))
    return await _write(platform, tick, next_at, "missed", detail)


async def refuse(platform: Platform, tick: Due, reason: str) -> bool:
    """Write down that a schedule cannot be read, and let it tick no more; False where the tick was taken before."""
    return await _write(platform, tick, None, "failed", reason[:_LONGEST_ERROR], error=True)


async def start_run(platform: Platform, row: ScheduleRow, at: datetime, *, in_transaction: TransactionHook) -> UUID:
    """Start what a schedule runs, for its tick `at`. Raises what starting a run raises, and what `inside` does."""
    owner = await owner_of(platform, row)
    args = (row.args or "{}").encode()
    options = RunOptions(trigger=TRIGGER, scheduled_at=at, is_due=True, tag=row.tag or None)
    if row.is_flow:
        return await runs.start_flow(
            platform, owner, row.workspace, row.script_path, args, options, in_transaction=in_transaction
        )
    retry = msgspec.json.decode(row.retry, type=dict[str, Any]) if row.retry else None
    return await runs.start_script(
        platform, owner, row.workspace, row.script_path, args, options, retry=retry, in_transaction=in_transaction
    )


async def start_named(
    platform: Platform,
    row: ScheduleRow,
    name: str,
    args: bytes,
    at: datetime | None,
    *,
    in_transaction: TransactionHook,
    references: frozenset[str] = frozenset(),
) -> UUID:
    """Start a handler, or the script that decides about a tick, as the schedule's owner.

    `references`: names of the arguments that may hold references.
    """
    owner = await owner_of(platform, row)
    path, is_flow = target_of(name)
    options = RunOptions(trigger=TRIGGER, scheduled_at=at, is_due=at is not None, references=references)
    begin = runs.start_flow if is_flow else runs.start_script
    return await begin(platform, owner, row.workspace, path, args, options, in_transaction=in_transaction)


async def owner_of(platform: Platform, row: ScheduleRow) -> Actor:
    """Whom the schedule's runs act for. Raises NotFound where it is nobody any more."""
    async with platform.db.acquire() as conn:
        owner = await identity.actor_of_run(conn, row.workspace, row.permissioned_as, row.email, row.scopes)
    if owner is None or owner.role is None:
        raise NotFound(f"{row.permissioned_as}, whom the schedule runs as, is no member of {row.workspace} any more.")
    return replace(owner, kind="system")


def why(error: Exception) -> str:
    """What is told of a start that failed. Raises `error` where the database is away: that says nothing of it."""
    if isinstance(error, (*CONNECTION_LOST, *TRANSIENT, TimeoutError)):
        raise error
    if isinstance(error, OrvantaError):
        return error.message[:_LONGEST_ERROR]
    log.exception("schedule cannot start", action="schedule", error=type(error).__name__)
    return f"It could not start: {type(error).__name__}."


async def _begin(tick: Due, next_at: datetime | None, kind: str, conn: Connection, run: UUID) -> None:
    """TransactionHook the transaction that makes the run."""
    row = tick.schedule
    if not await schedules.advance(conn, row, next_at):
        raise Taken
    if kind == "asked":
        await ticks.insert(conn, NewTick(row.id, tick.at, row.workspace, row.path, "asking", asked=run))
        return
    if row.no_flow_overlap and await ticks.is_running(conn, row.id):
        raise Overlap
    await _insert(conn, NewTick(row.id, tick.at, row.workspace, row.path, "running", run=run))
    await schedules.set_error(conn, row.id, None)


async def _insert(conn: Connection, tick: NewTick) -> None:
    try:
        await ticks.insert(conn, tick)
    except asyncpg.UniqueViolationError as error:
        # It is not for the caller, who would take it for the run's id that is taken.
        raise Taken from error


async def _write(
    platform: Platform, tick: Due, next_at: datetime | None, state: str, detail: str, *, error: bool = False
) -> bool:
    """Take a tick that starts nothing."""
    row = tick.schedule

    async def write(conn: Connection) -> bool:
        if not await schedules.advance(conn, row, next_at):
            return False
        await _insert(conn, NewTick(row.id, tick.at, row.workspace, row.path, state, detail=detail))
        if error:
            await schedules.set_error(conn, row.id, detail)
        return True

    return await platform.db.retrying(write)


async def _is_running(platform: Platform, schedule: UUID) -> bool:
    async with platform.db.acquire() as conn:
        return await ticks.is_running(conn, schedule)
