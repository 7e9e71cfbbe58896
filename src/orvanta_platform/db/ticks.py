"""Rows of ticks: what became of each tick of a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class NewTick:
    """What became of a tick: a `run` (state running), a script `asked` (asking), or neither, and why (`detail`)."""

    schedule: UUID
    tick_at: datetime
    workspace: str
    path: str
    state: str
    run: UUID | None = None
    asked: UUID | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class OpenTick:
    """A tick that waits for the end of its run or of the script asked: `status` is None while that has not come."""

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


@dataclass(frozen=True, slots=True)
class OwedTick:
    """A tick whose run has ended and for whose end the handlers `owed` (on_failure, …) are to be started."""

    schedule: UUID
    tick_at: datetime
    run: UUID
    streak: int
    owed: list[str]
    result_of: UUID | None
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class PastTick:
    """A tick as it is looked at. `duration_ms`: how long its run took, where that has ended."""

    schedule: UUID
    tick_at: datetime
    state: str
    run: UUID | None
    outcome: str | None
    detail: str | None
    duration_ms: float | None


async def insert(conn: Connection, tick: NewTick) -> None:
    """Write down what became of a tick. Raises asyncpg.UniqueViolationError where that was written before."""
    await conn.execute(load("ticks")["insert_tick"].text, *(getattr(tick, name) for name in NewTick.__slots__))


async def settle_asked(
    conn: Connection,
    schedule: UUID,
    tick_at: datetime,
    state: str,
    *,
    run: UUID | None = None,
    detail: str | None = None,
) -> bool:
    """What the answer of the script asked led to; False where that was written before."""
    query = load("ticks")["settle_asked"].text
    return await conn.fetchval(query, schedule, tick_at, state, run, detail) is not None


async def is_running(conn: Connection, schedule: UUID) -> bool:
    """Whether a run of the schedule is under way."""
    return bool(await conn.fetchval(load("ticks")["is_running"].text, schedule))


async def open_after(conn: Connection, schedule: UUID, tick_at: datetime, limit: int) -> list[OpenTick]:
    """At most `limit` ticks past this one that wait for an end, by schedule and time."""
    rows = await conn.fetch(load("ticks")["open_ticks"].text, schedule, tick_at, limit)
    return sorted((OpenTick(**dict(row)) for row in rows), key=lambda tick: (tick.schedule, tick.tick_at))


async def end_many(conn: Connection, ended: Sequence[OpenTick]) -> None:
    """The runs of these ticks have ended."""
    columns = [[getattr(each, name) for each in ended] for name in ("schedule", "tick_at", "status", "ended_at")]
    await conn.execute(load("ticks")["end_ticks"].text, *columns)


async def end(conn: Connection, tick: OpenTick) -> bool:
    """The run of a tick has ended; False where that was written before."""
    query = load("ticks")["end_tick"].text
    return await conn.fetchval(query, tick.schedule, tick.tick_at, tick.status, tick.ended_at) is not None


async def streak(conn: Connection, schedule: UUID, outcome: str, other: str) -> tuple[int, bool]:
    """How many runs ended with `outcome` since one last ended with `other`, and whether one ever did."""
    row = await conn.fetchrow(load("ticks")["streak"].text, schedule, outcome, other)
    return row["alike"], row["turned"]


async def owe(conn: Connection, tick: OpenTick, streak: int, handlers: Sequence[str]) -> None:
    """These handlers are to be started for the end of the tick's run."""
    await conn.execute(load("ticks")["owe"].text, tick.schedule, tick.tick_at, streak, list(handlers))


async def owed(conn: Connection, limit: int) -> list[OwedTick]:
    """At most `limit` ticks that owe handlers."""
    return [OwedTick(**dict(row)) for row in await conn.fetch(load("ticks")["owed"].text, limit)]


async def pay(conn: Connection, tick: OwedTick, handler: str) -> bool:
    """A handler was started, or never will be; False where that was written before."""
    return await conn.fetchval(load("ticks")["pay"].text, tick.schedule, tick.tick_at, handler) is not None


async def last_of(conn: Connection, schedules: Sequence[UUID], limit: int) -> list[PastTick]:
    """The newest ticks of each of these schedules, at most `limit` of each, newest first."""
    return [PastTick(**dict(row)) for row in await conn.fetch(load("ticks")["last_ticks"].text, schedules, limit)]


async def between(
    conn: Connection, schedules: Sequence[UUID], since: datetime, until: datetime, limit: int
) -> list[PastTick]:
    """The ticks of these schedules of a time, the newest `limit` of each, in order of time; without durations."""
    query = load("ticks")["ticks_between"].text
    return [PastTick(**dict(row)) for row in await conn.fetch(query, schedules, since, until, limit)]


async def schedules_of(conn: Connection, runs: Sequence[UUID]) -> dict[UUID, str]:
    """The paths of the schedules that started these runs; other runs are left out."""
    rows = await conn.fetch(load("ticks")["schedules_of"].text, runs)
    return {row["run"]: row["path"] for row in rows}


async def forget_old(conn: Connection) -> None:
    """Drop ticks older than 30 days whose runs are gone as well."""
    await conn.execute(load("ticks")["forget_ticks"].text)
