"""Logs as they are read: by characters, whichever pieces they came in and wherever those are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load

_ROUNDED = timedelta(milliseconds=1)
"""An age is a number of seconds: what began exactly then still counts as later."""


@dataclass(frozen=True, slots=True)
class LogPiece:
    """`chars` characters from `first_char` on, as zlib of UTF-8: `body`, or `bytes` bytes of `object` from `start`."""

    first_char: int
    chars: int
    body: bytes | None
    object: str | None
    start: int | None
    bytes: int


@dataclass(frozen=True, slots=True)
class LogPosition:
    """How far the logs of a run were read: all pieces up to the one with this time, job, attempt and end."""

    at: datetime
    job: UUID
    attempt: int
    end: int


@dataclass(frozen=True, slots=True)
class TimedPiece:
    """A piece of one job's log among those of others; `first_char` counts within the attempt."""

    job: UUID
    attempt: int
    at: datetime
    piece: LogPiece

    @property
    def place(self) -> LogPosition:
        """What to go on behind."""
        return LogPosition(self.at, self.job, self.attempt, self.piece.first_char + self.piece.chars)


@dataclass(frozen=True, slots=True)
class PieceBehind:
    """A piece of the log of one job of a run; `node` None: of a run of one script. `place`: the body it ran in."""

    job: UUID
    node: str | None
    place: int | None
    attempt: int
    at: datetime
    piece: LogPiece

    @property
    def stop(self) -> int:
        """The character of the attempt behind it."""
        return self.piece.first_char + self.piece.chars


@dataclass(frozen=True, slots=True)
class LogEnd:
    """How far the log of a job reaches, and when that was written."""

    job: UUID
    attempt: int
    stop: int
    at: datetime


async def safe_time(conn: Connection, least_age_s: float) -> datetime:
    """The time up to which every piece of a log is there, `least_age_s` seconds ago or longer.

    Holds for what is read by statements that begin after this one.
    """
    row = await conn.fetchrow(load("log_reads")["safe_age"].text, least_age_s)
    assert row is not None
    now: datetime = row["now"]
    return now - timedelta(seconds=row["age_s"]) - _ROUNDED


async def pieces_behind(
    conn: Connection, run: UUID, after: datetime, known: Sequence[LogEnd], most: int, chars: int
) -> list[PieceBehind]:
    """At most `most` pieces of the logs of a run written after a time; of jobs that are `known`, those behind that.

    None follows once they have `chars` characters.
    """
    columns = [each.job for each in known], [each.attempt for each in known], [each.stop for each in known]
    rows = await conn.fetch(load("log_reads")["pieces_behind"].text, run, after, *columns, most, chars)
    return [
        PieceBehind(
            *(row["job"], row["node"], row["place"], row["attempt"], row["at"]),
            LogPiece(row["first_char"], row["chars"], row["body"], row["object"], row["start"], row["bytes"]),
        )
        for row in rows
    ]


async def log_ends(conn: Connection, run: UUID, after: datetime) -> list[LogEnd]:
    """How far the logs of a run's jobs reach that were written to after a time."""
    return [LogEnd(**dict(row)) for row in await conn.fetch(load("log_reads")["log_ends"].text, run, after)]


async def read_log(conn: Connection, job: UUID, start: int, end: int, *, attempt: int | None = None) -> list[LogPiece]:
    """The pieces that hold characters from `start` (≥ 0) up to `end`, in order; none at the log's end.

    Attempts follow one another as one text; with `attempt` only that one is read, and counted from 0.
    """
    rows = await conn.fetch(load("log_reads")["read_log"].text, job, attempt, start, end)
    return [LogPiece(**dict(row)) for row in rows]


async def pieces_by_time(
    conn: Connection, run: UUID, jobs: Sequence[UUID], after: LogPosition, most: int
) -> list[TimedPiece]:
    """At most `most` pieces of the logs of these jobs of the run, in the order of their writing."""
    place = (after.at, after.job, after.attempt, after.end)
    rows = await conn.fetch(load("log_reads")["pieces_by_time"].text, run, list(jobs), *place, most)
    return [
        TimedPiece(
            row["job"],
            row["attempt"],
            row["at"],
            LogPiece(row["first_char"], row["chars"], row["body"], row["object"], row["start"], row["bytes"]),
        )
        for row in rows
    ]
