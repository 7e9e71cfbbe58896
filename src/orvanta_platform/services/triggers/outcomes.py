"""Processing of ended runs of schedules.

Handles the answers of scripts that decide about a tick, counts failures and successes, and starts handlers.
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
from orvanta_platform.db.ticks import HandlerTick, OpenTick
from orvanta_platform.errors import RunLimitReached
from orvanta_platform.reasons import Reason, reason, reason_of, stored
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import results
from orvanta_platform.services.triggers import ticks as scheduling
from orvanta_platform.services.triggers.ticks import OVERLAP, Overlap, TickClaimed

BATCH_SIZE = 1000
"""Number of open ticks examined per pass."""

_HANDLERS = 100
_NULL = b"null"
_FIRST = (UUID(int=0), datetime.min.replace(tzinfo=UTC))

log = structlog.get_logger(__name__)


_HANDLER_INTERVAL = 30
"""Passes between searches for handlers that another process has left unstarted."""


@dataclass(slots=True)
class ScanPosition:
    """Position in the list of open ticks. It wraps around, so that many live runs do not hide an ended one."""

    after: tuple[UUID, datetime] = field(default=_FIRST)
    passes: int = 0
    owed: int = 0


async def process_ended(platform: Platform, round: ScanPosition) -> int:
    """Process the ends of runs and deciding scripts, then start the due handlers; returns their number."""
    async with platform.db.acquire() as conn:
        found = await ticks.list_open(conn, *round.after, BATCH_SIZE)
    round.after = (found[-1].schedule, found[-1].tick_at) if len(found) == BATCH_SIZE else _FIRST
    ended = [tick for tick in found if tick.status is not None]
    plain = [tick for tick in ended if tick.state == "running" and not tick.handled]
    if plain:
        await platform.db.retrying(partial(_end_many, plain))
    for tick in sorted(ended, key=lambda tick: tick.ended_at or _FIRST[1]):
        if tick.state == "asking":
            await _apply_skip_answer(platform, tick)
        elif tick.handled:
            await platform.db.retrying(partial(_end, tick))
    due = ended or round.owed >= _HANDLERS or round.passes % _HANDLER_INTERVAL == 0
    round.owed = await _start_pending_handlers(platform) if due else 0
    round.passes += 1
    return len(ended) + round.owed


async def _end_many(plain: Sequence[OpenTick], conn: Connection) -> None:
    await ticks.record_ends(conn, plain)


async def _end(tick: OpenTick, conn: Connection) -> None:
    """Record the end of a run and the handlers it requires. Ends of one schedule are processed one at a time."""
    row = await schedules.lock_by_id(conn, tick.schedule)
    if not await ticks.record_end(conn, tick) or row is None or tick.status not in ("succeeded", "failed"):
        return
    other = "failed" if tick.status == "succeeded" else "succeeded"
    streak, turned = await ticks.count_streak(conn, row.id, tick.status, other)
    handlers = due_handlers(row, tick.status, max(streak, 1), turned=turned)
    await ticks.set_pending_handlers(conn, tick, max(streak, 1), handlers)


def due_handlers(row: ScheduleRow, outcome: str, streak: int, *, turned: bool) -> list[str]:
    """Return the handlers for a run with this outcome, the `streak`th in a row; `turned`: an earlier run had the other
    outcome.

    on_failure: from the on_failure_times-th failure in a row on, or only at that one with on_failure_exact;
    on_recovery: at the on_recovery_times-th success in a row after a failure; on_success: at each success.
    """
    if outcome == "failed":
        threshold = row.on_failure_times or 1
        is_reached = streak == threshold if row.on_failure_exact else streak >= threshold
        return ["on_failure"] if row.on_failure and is_reached else []
    recovered = row.on_recovery and turned and streak == (row.on_recovery_times or 1)
    return [*(["on_recovery"] if recovered else []), *(["on_success"] if row.on_success else [])]


async def _start_pending_handlers(platform: Platform) -> int:
    async with platform.db.acquire() as conn:
        found = await ticks.list_pending_handlers(conn, _HANDLERS)
        rows = {tick.schedule: await schedules.get_by_id(conn, tick.schedule) for tick in found}
    for tick in found:
        for handler in tick.owed:
            await _start_handler(platform, tick, rows[tick.schedule], handler)
    return len(found)


async def _start_handler(platform: Platform, tick: HandlerTick, row: ScheduleRow | None, handler: str) -> None:
    name = getattr(row, handler) if row is not None else None

    async def pay(conn: Connection, _run: UUID | None = None) -> None:
        if not await ticks.remove_pending_handler(conn, tick, handler):
            raise TickClaimed

    async def give_up(found: Reason | None, conn: Connection) -> None:
        await ticks.remove_pending_handler(conn, tick, handler)
        if found is not None:
            named = Reason(f"{handler}: {found.message}", found.code, {**found.values, "handler": handler})
            await schedules.set_error(conn, tick.schedule, stored(named))

    if row is None or name is None:
        await platform.db.retrying(partial(give_up, None))
        return
    try:
        args, references = await _handler_args(platform, tick, row, handler)
        await scheduling.start_handler(platform, row, name, args, None, in_transaction=pay, references=references)
    except TickClaimed:
        return
    except Exception as error:
        await platform.db.retrying(partial(give_up, scheduling.failure_reason(error)))


async def _handler_args(
    platform: Platform, tick: HandlerTick, row: ScheduleRow, handler: str
) -> tuple[bytes, frozenset[str]]:
    """Return the arguments of a handler as JSON text, in which its extra_args take precedence, and the names of
    extra_args.

    Only these may contain references; values from runs are plain text.
    """
    result = msgspec.Raw(await _result(platform, tick.result_of))
    args: dict[str, Any] = {"path": row.script_path, "schedule_path": row.path, "is_flow": row.is_flow}
    if handler == "on_failure":
        args |= {"error": error_of(result), "failed_times": tick.streak, "started_at": tick.started_at}
    else:
        args |= {"success_result": result, "success_started_at": tick.started_at}
        if handler == "on_recovery":
            args["success_times"] = tick.streak
    args["job_id"] = tick.run
    text = getattr(row, f"{handler}_extra_args")
    extra = msgspec.json.decode(text) if text else {}
    return msgspec.json.encode(args | extra), frozenset(extra)


def error_of(result: msgspec.Raw) -> msgspec.Raw:
    """Return the error in a failed run's result, or the whole result if it has another shape."""
    try:
        return msgspec.json.decode(result, type=dict[str, msgspec.Raw]).get("error", result)
    except (msgspec.DecodeError, RecursionError):
        return result


async def _apply_skip_answer(platform: Platform, tick: OpenTick) -> None:
    """Start the run of a tick, or skip it, as its script has decided. If the script failed, the run starts."""
    async with platform.db.acquire() as conn:
        row = await schedules.get_by_id(conn, tick.schedule)
    if row is None or not row.enabled:
        await _record_answer(platform, tick, "skipped", reason("schedule_gone"))
        return
    try:
        if tick.status == "succeeded" and is_truthy(await _result(platform, tick.result_of)):
            await _record_answer(platform, tick, "skipped", reason("skip_script_true", path=row.dynamic_skip or ""))
            return
        await scheduling.start_run(platform, row, tick.tick_at, in_transaction=partial(_record_decided_run, tick, row))
    except TickClaimed:
        return
    except Overlap:
        await _record_answer(platform, tick, "skipped", OVERLAP)
    except RunLimitReached as error:
        await _record_answer(platform, tick, "skipped", reason_of(error))
    except Exception as error:
        await _record_answer(platform, tick, "failed", scheduling.failure_reason(error), error=True)


async def _record_decided_run(tick: OpenTick, row: ScheduleRow, conn: Connection, run: UUID) -> None:
    """Record the start of a tick's run, in the transaction that creates the run."""
    locked = await schedules.lock_by_id(conn, row.id)
    if locked is None or not locked.enabled:
        raise TickClaimed
    if locked.no_flow_overlap and await ticks.is_running(conn, row.id):
        raise Overlap
    warning = None
    if tick.status != "succeeded":
        warning = stored(reason("skip_script_ended", path=row.dynamic_skip or "", status=tick.status or ""))
    if not await ticks.record_skip_answer(conn, tick.schedule, tick.tick_at, "running", run=run, detail=warning):
        raise TickClaimed
    await schedules.set_error(conn, row.id, warning)


async def _record_answer(
    platform: Platform, tick: OpenTick, state: str, detail: Reason, *, error: bool = False
) -> None:
    async def write(conn: Connection) -> None:
        written = await ticks.record_skip_answer(conn, tick.schedule, tick.tick_at, state, detail=stored(detail))
        if written and error:
            await schedules.set_error(conn, tick.schedule, stored(detail))

    await platform.db.retrying(write)


async def _result(platform: Platform, of: UUID | None) -> bytes:
    if of is None:
        return _NULL
    key = (of, "result", "")
    return (await results.load_values(platform, [key])).get(key, _NULL)


def is_truthy(raw: bytes) -> bool:
    """Return whether JavaScript treats this JSON value as true."""
    return msgspec.json.decode(raw) not in (None, False, 0, "")
