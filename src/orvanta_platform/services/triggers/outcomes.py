"""What follows when something that a schedule started has ended: the answer of the script asked about a tick, the
count of failures and successes, the handlers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import structlog

from orvanta_platform.db import schedules, ticks
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.schedules import ScheduleRow
from orvanta_platform.db.ticks import OpenTick, OwedTick
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import results
from orvanta_platform.services.triggers import ticks as scheduling
from orvanta_platform.services.triggers.ticks import OVERLAP, Overlap, Taken

LOOKED_AT = 1000
"""Open ticks that are looked at at once."""

_HANDLERS = 100
_NULL = b"null"
_FIRST = (UUID(int=0), datetime.min.replace(tzinfo=UTC))

log = structlog.get_logger(__name__)


_OWED_EVERY = 30
"""Looks after which handlers are looked for that somebody else has left to be started."""


@dataclass(slots=True)
class Round:
    """Where the look at the open ticks stands: it goes round, so that many that run hide none that has ended."""

    after: tuple[UUID, datetime] = field(default=_FIRST)
    looks: int = 0
    owed: int = 0


async def follow(platform: Platform, round: Round) -> int:
    """Take in the ends of some runs and scripts asked, then start the handlers owed; gives how many there were."""
    async with platform.db.acquire() as conn:
        found = await ticks.open_after(conn, *round.after, LOOKED_AT)
    round.after = (found[-1].schedule, found[-1].tick_at) if len(found) == LOOKED_AT else _FIRST
    ended = [tick for tick in found if tick.status is not None]
    plain = [tick for tick in ended if tick.state == "running" and not tick.handled]
    if plain:
        await platform.db.retrying(partial(_end_many, plain))
    for tick in sorted(ended, key=lambda tick: tick.ended_at or _FIRST[1]):
        if tick.state == "asking":
            await _take_answer(platform, tick)
        elif tick.handled:
            await platform.db.retrying(partial(_end, tick))
    due = ended or round.owed >= _HANDLERS or round.looks % _OWED_EVERY == 0
    round.owed = await _start_owed(platform) if due else 0
    round.looks += 1
    return len(ended) + round.owed


async def _end_many(plain: Sequence[OpenTick], conn: Connection) -> None:
    await ticks.end_many(conn, plain)


async def _end(tick: OpenTick, conn: Connection) -> None:
    """Count the end of a run, and note which handlers it calls for; one end of a schedule at a time."""
    row = await schedules.lock_by_id(conn, tick.schedule)
    if not await ticks.end(conn, tick) or row is None or tick.status not in ("succeeded", "failed"):
        return
    other = "failed" if tick.status == "succeeded" else "succeeded"
    streak, turned = await ticks.streak(conn, row.id, tick.status, other)
    handlers = called_for(row, tick.status, max(streak, 1), turned=turned)
    await ticks.owe(conn, tick, max(streak, 1), handlers)


def called_for(row: ScheduleRow, outcome: str, streak: int, *, turned: bool) -> list[str]:
    """The handlers for a run that ended with `outcome`, the `streak`th alike; `turned`: one ended otherwise before.

    on_failure: from the on_failure_times-th failure in a row on, with on_failure_exact at it alone; on_recovery: at the
    on_recovery_times-th success in a row after a failure; on_success: at each success.
    """
    if outcome == "failed":
        wanted = row.on_failure_times or 1
        hit = streak == wanted if row.on_failure_exact else streak >= wanted
        return ["on_failure"] if row.on_failure and hit else []
    recovered = row.on_recovery and turned and streak == (row.on_recovery_times or 1)
    return [*(["on_recovery"] if recovered else []), *(["on_success"] if row.on_success else [])]


async def _start_owed(platform: Platform) -> int:
    async with platform.db.acquire() as conn:
        found = await ticks.owed(conn, _HANDLERS)
        rows = {tick.schedule: await schedules.get_by_id(conn, tick.schedule) for tick in found}
    for tick in found:
        for handler in tick.owed:
            await _start_handler(platform, tick, rows[tick.schedule], handler)
    return len(found)


async def _start_handler(platform: Platform, tick: OwedTick, row: ScheduleRow | None, handler: str) -> None:
    name = getattr(row, handler) if row is not None else None

    async def pay(conn: Connection, _run: UUID | None = None) -> None:
        if not await ticks.pay(conn, tick, handler):
            raise Taken

    async def give_up(reason: str | None, conn: Connection) -> None:
        await ticks.pay(conn, tick, handler)
        if reason is not None:
            await schedules.set_error(conn, tick.schedule, f"{handler}: {reason}")

    if row is None or name is None:
        await platform.db.retrying(partial(give_up, None))
        return
    try:
        args, references = await _handler_args(platform, tick, row, handler)
        await scheduling.start_named(platform, row, name, args, None, in_transaction=pay, references=references)
    except Taken:
        return
    except Exception as error:
        await platform.db.retrying(partial(give_up, scheduling.why(error)))


async def _handler_args(
    platform: Platform, tick: OwedTick, row: ScheduleRow, handler: str
) -> tuple[bytes, frozenset[str]]:
    """The arguments of a handler as JSON text, in which its extra_args take precedence, and the names of extra_args.

    Only these may hold references; values from runs are plain text.
    """
    result = msgspec.Raw(await _result(platform, tick.result_of))
    args: dict[str, Any] = {"path": row.script_path, "schedule_path": row.path, "is_flow": row.is_flow}
    if handler == "on_failure":
        args |= {"error": _error(result), "failed_times": tick.streak, "started_at": tick.started_at}
    else:
        args |= {"success_result": result, "success_started_at": tick.started_at}
        if handler == "on_recovery":
            args["success_times"] = tick.streak
    args["job_id"] = tick.run
    text = getattr(row, f"{handler}_extra_args")
    extra = msgspec.json.decode(text) if text else {}
    return msgspec.json.encode(args | extra), frozenset(extra)


def _error(result: msgspec.Raw) -> msgspec.Raw:
    """The error that a failed run's result holds, or that result where it has another shape."""
    try:
        return msgspec.json.decode(result, type=dict[str, msgspec.Raw]).get("error", result)
    except (msgspec.DecodeError, RecursionError):
        return result


async def _take_answer(platform: Platform, tick: OpenTick) -> None:
    """Start the run of a tick, or not, as the script asked about it says. One that failed says nothing against it."""
    async with platform.db.acquire() as conn:
        row = await schedules.get_by_id(conn, tick.schedule)
    if row is None or not row.enabled:
        await _settle(platform, tick, "skipped", "the schedule was deleted or disabled meanwhile")
        return
    try:
        if tick.status == "succeeded" and is_truthy(await _result(platform, tick.result_of)):
            await _settle(platform, tick, "skipped", f"{row.dynamic_skip} said so")
            return
        await scheduling.start_run(platform, row, tick.tick_at, in_transaction=partial(_begin_asked, tick, row))
    except Taken:
        return
    except Overlap:
        await _settle(platform, tick, "skipped", OVERLAP)
    except Exception as error:
        await _settle(platform, tick, "failed", scheduling.why(error), error=True)


async def _begin_asked(tick: OpenTick, row: ScheduleRow, conn: Connection, run: UUID) -> None:
    """TransactionHook the transaction that makes the run."""
    locked = await schedules.lock_by_id(conn, row.id)
    if locked is None or not locked.enabled:
        raise Taken
    if locked.no_flow_overlap and await ticks.is_running(conn, row.id):
        raise Overlap
    told = (
        None if tick.status == "succeeded" else f"{row.dynamic_skip}, which was asked whether to skip it, {tick.status}"
    )
    if not await ticks.settle_asked(conn, tick.schedule, tick.tick_at, "running", run=run, detail=told):
        raise Taken
    await schedules.set_error(conn, row.id, told)


async def _settle(platform: Platform, tick: OpenTick, state: str, detail: str, *, error: bool = False) -> None:
    async def write(conn: Connection) -> None:
        written = await ticks.settle_asked(conn, tick.schedule, tick.tick_at, state, detail=detail)
        if written and error:
            await schedules.set_error(conn, tick.schedule, detail)

    await platform.db.retrying(write)


async def _result(platform: Platform, of: UUID | None) -> bytes:
    if of is None:
        return _NULL
    key = (of, "result", "")
    return (await results.load_values(platform, [key])).get(key, _NULL)


def is_truthy(raw: bytes) -> bool:
    """Whether JavaScript takes this JSON text for true."""
    return msgspec.json.decode(raw) not in (None, False, 0, "")
