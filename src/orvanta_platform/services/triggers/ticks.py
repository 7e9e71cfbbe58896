"""Ticks of schedules. Each tick is taken once, by one transaction that starts its run or records the reason why not.

All functions are safe to call from two processes concurrently: a tick is taken by a compare-and-set of its schedule's
next_at, and stored under the key (schedule, tick).
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import structlog
from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.control import identity
from orvanta_platform.control.actor import Actor
from orvanta_platform.db import schedules, ticks
from orvanta_platform.db.errors import UniqueViolation
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT, Connection
from orvanta_platform.db.schedules import ScheduleRow
from orvanta_platform.db.ticks import NewTick
from orvanta_platform.engine.ticks import MAX_COUNTED
from orvanta_platform.errors import IdentityDisabled, OrvantaError, RunLimitReached
from orvanta_platform.queue.scan_cursor import START, ScanCursor
from orvanta_platform.reasons import Reason, reason, reason_of, stored
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.insertion import TransactionHook
from orvanta_platform.services.runs.run_spec import RunOptions
from orvanta_platform.services.triggers.schedules import target_of

TRIGGER = "schedule"
OVERLAP = reason("overlap")
_MAX_ERROR_LENGTH = 2000

log = structlog.get_logger(__name__)


class Due(msgspec.Struct, frozen=True):
    """A schedule whose tick `at` is due, as read at `now` by the clock of the database."""

    schedule: ScheduleRow
    at: datetime
    now: datetime


class Upcoming(msgspec.Struct, frozen=True):
    """Work of the scheduler."""

    in_s: float | None
    """Seconds until the next tick, negative if it is due; None: there is none."""
    has_unfinished: bool
    """True if there are ticks whose run has not ended when last checked, or whose handlers have not started."""


class TickClaimed(Exception):
    """Another process has written this tick, or the schedule has changed. Nothing was written."""


class Overlap(Exception):
    """The schedule does not allow two concurrent runs, and one is live."""


async def due(platform: Platform, limit: int, past: datetime = START) -> list[Due]:
    """Return at most `limit` schedules with a due tick after `past`, longest due first."""
    async with platform.db.acquire() as conn:
        found = await schedules.list_due(conn, limit, past)
    return [Due(row, row.next_at, now) for row, now in found if row.next_at is not None]


async def get_upcoming(
    platform: Platform, horizon: ScanCursor | None = None, wait_s: float = 0.0, *, extend: bool = False
) -> Upcoming:
    """Return the time until the next tick, and whether ticks are unfinished, after at most `wait_s` seconds.

    `extend`: after a longer time while the process is idle.
    """
    horizon = horizon or ScanCursor()
    async with platform.polls.turn(wait_s, extend=extend) as conn:
        next_at, has_unfinished, now = await schedules.get_next_tick(conn, horizon.begin(clock.monotonic()))
    ended = clock.monotonic()
    horizon.end(ended - conn.alone_s, ended, min(next_at or now, now))
    return Upcoming(None if next_at is None else (next_at - now).total_seconds(), has_unfinished)


async def start(platform: Platform, tick: Due, next_at: datetime | None) -> bool:
    """Start the run of a tick, or the script that decides about it; False: the tick was already taken.

    If it cannot start, the reason is recorded and shown as the schedule's error. The schedule remains enabled.
    """
    row = tick.schedule
    try:
        if row.dynamic_skip is None:
            if row.no_flow_overlap and await _is_running(platform, row.id):
                raise Overlap
            await start_run(platform, row, tick.at, in_transaction=partial(_record_start, tick, next_at, "run"))
        else:
            args = {"scheduled_for": tick.at}
            in_transaction = partial(_record_start, tick, next_at, "asked")
            await start_handler(
                platform, row, row.dynamic_skip, msgspec.json.encode(args), tick.at, in_transaction=in_transaction
            )
    except TickClaimed:
        return False
    except Overlap:
        return await _write(platform, tick, next_at, "skipped", OVERLAP)
    except RunLimitReached as error:
        return await _write(platform, tick, next_at, "skipped", reason_of(error))
    except Exception as error:
        return await _write(platform, tick, next_at, "failed", failure_reason(error), error=True)
    return True


async def record_missed(platform: Platform, tick: Due, missed: int, next_at: datetime | None) -> bool:
    """Record that `missed` ticks from this one on are not started; False: the tick was already taken."""
    rule = tick.schedule.missed
    if missed >= MAX_COUNTED:
        detail = reason("missed_many_ticks", count=str(MAX_COUNTED - 1), rule=rule)
    else:
        detail = reason("missed_tick" if missed == 1 else "missed_ticks", count=str(missed), rule=rule)
    log.warning("ticks missed", action="schedule", schedule=tick.schedule.path, ticks=missed, since=str(tick.at))
    return await _write(platform, tick, next_at, "missed", detail)


async def record_invalid(platform: Platform, tick: Due, cause: str) -> bool:
    """Record that a schedule cannot be parsed, and stop its ticks; False: the tick was already taken."""
    return await _write(platform, tick, None, "failed", Reason(cause[:_MAX_ERROR_LENGTH]), error=True)


async def start_run(platform: Platform, row: ScheduleRow, at: datetime, *, in_transaction: TransactionHook) -> UUID:
    """Start the target of a schedule for its tick `at`. Raises the errors of starting a run and of `in_transaction`."""
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


async def start_handler(
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

    `references`: names of the arguments that may contain references.
    """
    owner = await owner_of(platform, row)
    path, is_flow = target_of(name)
    options = RunOptions(trigger=TRIGGER, scheduled_at=at, is_due=at is not None, references=references)
    start = runs.start_flow if is_flow else runs.start_script
    return await start(platform, owner, row.workspace, path, args, options, in_transaction=in_transaction)


async def owner_of(platform: Platform, row: ScheduleRow) -> Actor:
    """Return the member that the schedule's runs act for. Raises IdentityDisabled if it was disabled or removed."""
    async with platform.db.acquire() as conn:
        owner = await identity.actor_of_run(conn, row.workspace, row.permissioned_as, row.email, row.scopes)
    if owner is None or owner.role is None:
        raise IdentityDisabled(reason("schedule_owner_gone", user=row.permissioned_as, workspace=row.workspace))
    return replace(owner, kind="system")


def failure_reason(error: Exception) -> Reason:
    """Return the reason why a start failed.

    Re-raises errors of the database connection, which are not such a reason.
    """
    if isinstance(error, (*CONNECTION_LOST, *TRANSIENT, TimeoutError)):
        raise error
    if isinstance(error, OrvantaError):
        return replace(reason_of(error), message=error.message[:_MAX_ERROR_LENGTH])
    log.exception("schedule cannot start", action="schedule", error=type(error).__name__)
    return reason("not_started", error=type(error).__name__)


async def _record_start(tick: Due, next_at: datetime | None, kind: str, conn: Connection, run: UUID) -> None:
    """Record the start of a tick, in the transaction that creates the run."""
    row = tick.schedule
    if not await schedules.claim_tick(conn, row, next_at):
        raise TickClaimed
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
    except UniqueViolation as error:
        # Converted here, because the caller would take the error for a conflict of the run's id.
        raise TickClaimed from error


async def _write(
    platform: Platform, tick: Due, next_at: datetime | None, state: str, detail: Reason, *, error: bool = False
) -> bool:
    """Take a tick that starts nothing."""
    row = tick.schedule

    async def write(conn: Connection) -> bool:
        if not await schedules.claim_tick(conn, row, next_at):
            return False
        await _insert(conn, NewTick(row.id, tick.at, row.workspace, row.path, state, detail=stored(detail)))
        if error:
            await schedules.set_error(conn, row.id, stored(detail))
        return True

    return await platform.db.retrying(write)


async def _is_running(platform: Platform, schedule: UUID) -> bool:
    async with platform.db.acquire() as conn:
        return await ticks.is_running(conn, schedule)
