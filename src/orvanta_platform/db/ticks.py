"""Rows of ticks: the outcome of each tick of a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("ticks")


class NewTick(msgspec.Struct, frozen=True):
    """Outcome of a tick: a `run` (state running), a dynamic_skip script `asked` (asking), or neither, with `detail`."""

    schedule: UUID
    tick_at: datetime
    workspace: str
    path: str
    state: str
    run: UUID | None = None
    asked: UUID | None = None
    detail: str | None = None


class OpenTick(msgspec.Struct, frozen=True):
    """A tick whose run or dynamic_skip script has not been processed; `status` is None while that has not ended."""

    schedule: UUID
    tick_at: datetime
    path: str
    state: str
    run: UUID | None
    asked: UUID | None
    status: str | None
    result_of: UUID | None
    started_at: datetime | None
    ended_at: datetime | None
    handled: bool


class HandlerTick(msgspec.Struct, frozen=True):
    """A tick whose run has ended, with the handlers `owed` (on_failure, …) that are to be started."""

    schedule: UUID
    tick_at: datetime
    run: UUID
    streak: int
    owed: list[str]
    result_of: UUID | None
    started_at: datetime | None


class PastTick(msgspec.Struct, frozen=True):
    """A tick for display. `duration_ms` is that of its run if it has ended."""

    schedule: UUID
    tick_at: datetime
    state: str
    run: UUID | None
    outcome: str | None
    detail: str | None
    duration_ms: float | None


async def insert(conn: Connection, tick: NewTick) -> None:
    """Insert the outcome of a tick. Raises asyncpg.UniqueViolationError if it exists already."""
    await conn.execute(_SQL["insert_tick"], *(getattr(tick, name) for name in NewTick.__struct_fields__))


async def record_skip_answer(
    conn: Connection,
    schedule: UUID,
    tick_at: datetime,
    state: str,
    *,
    run: UUID | None = None,
    detail: str | None = None,
) -> bool:
    """Record the outcome of a dynamic_skip script; return False if it was recorded before."""
    query = _SQL["record_skip_answer"]
    return await conn.fetchval(query, schedule, tick_at, state, run, detail) is not None


async def is_running(conn: Connection, schedule: UUID) -> bool:
    """Return whether a run of the schedule is live."""
    return bool(await conn.fetchval(_SQL["is_running"], schedule))


async def list_open(conn: Connection, schedule: UUID, tick_at: datetime, limit: int) -> list[OpenTick]:
    """Return at most `limit` open ticks after this one, by schedule and time."""
    rows = await conn.fetch(_SQL["list_open"], schedule, tick_at, limit)
    return sorted((OpenTick(**dict(row)) for row in rows), key=lambda tick: (tick.schedule, tick.tick_at))


async def record_ends(conn: Connection, ended: Sequence[OpenTick]) -> None:
    """Record the ends of the runs of these ticks."""
    columns = [[getattr(each, name) for each in ended] for name in ("schedule", "tick_at", "status", "ended_at")]
    await conn.execute(_SQL["record_ends"], *columns)


async def record_end(conn: Connection, tick: OpenTick) -> bool:
    """Record the end of the run of a tick; return False if it was recorded before."""
    query = _SQL["record_end"]
    return await conn.fetchval(query, tick.schedule, tick.tick_at, tick.status, tick.ended_at) is not None


async def count_streak(conn: Connection, schedule: UUID, outcome: str, other: str) -> tuple[int, bool]:
    """Return the number of runs with `outcome` since one with `other`, and whether there was one."""
    row = await conn.fetchrow(_SQL["count_streak"], schedule, outcome, other)
    return row["alike"], row["turned"]


async def set_pending_handlers(conn: Connection, tick: OpenTick, streak: int, handlers: Sequence[str]) -> None:
    """Record the handlers to be started for the end of the tick's run."""
    await conn.execute(_SQL["set_pending_handlers"], tick.schedule, tick.tick_at, streak, list(handlers))


async def list_pending_handlers(conn: Connection, limit: int) -> list[HandlerTick]:
    """Return at most `limit` ticks with handlers to be started."""
    return [HandlerTick(**dict(row)) for row in await conn.fetch(_SQL["list_pending_handlers"], limit)]


async def remove_pending_handler(conn: Connection, tick: HandlerTick, handler: str) -> bool:
    """Record that a handler was started or never will be; return False if that was recorded before."""
    return await conn.fetchval(_SQL["remove_pending_handler"], tick.schedule, tick.tick_at, handler) is not None


async def list_last(conn: Connection, schedules: Sequence[UUID], limit: int) -> list[PastTick]:
    """Return the newest ticks of these schedules, at most `limit` of each, newest first."""
    return [PastTick(**dict(row)) for row in await conn.fetch(_SQL["list_last"], schedules, limit)]


async def list_between(
    conn: Connection, schedules: Sequence[UUID], since: datetime, until: datetime, limit: int
) -> list[PastTick]:
    """Return the ticks of these schedules in a period, the newest `limit` of each, by time; without durations."""
    query = _SQL["list_between"]
    return [PastTick(**dict(row)) for row in await conn.fetch(query, schedules, since, until, limit)]


async def get_schedules_of_runs(conn: Connection, runs: Sequence[UUID]) -> dict[UUID, str]:
    """Return the paths of the schedules that started these runs; other runs are left out."""
    rows = await conn.fetch(_SQL["get_schedules_of_runs"], runs)
    return {row["run"]: row["path"] for row in rows}


async def delete_old(conn: Connection) -> None:
    """Delete ticks older than 30 days whose runs are gone as well."""
    await conn.execute(_SQL["delete_old"])
