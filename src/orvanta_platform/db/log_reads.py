"""Reading logs by character position, from chunks and objects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("log_reads")

_ROUNDED = timedelta(milliseconds=1)
"""Margin for the rounding of an age: a transaction that began exactly then still counts as later."""


class LogPiece(msgspec.Struct, frozen=True):
    """`chars` characters from `first_char` on, as zlib of UTF-8: `body`, or `bytes` bytes of `object` from `start`."""

    first_char: int
    chars: int
    body: bytes | None
    object: str | None
    start: int | None
    bytes: int


class LogPosition(msgspec.Struct, frozen=True):
    """Position in the logs of a run: all pieces up to the one with this time, job, attempt and end were read."""

    at: datetime
    job: UUID
    attempt: int
    end: int


class TimedPiece(msgspec.Struct, frozen=True):
    """A piece of one job's log among those of others; `first_char` counts within the attempt."""

    job: UUID
    attempt: int
    at: datetime
    piece: LogPiece

    @property
    def place(self) -> LogPosition:
        """Position after this piece."""
        return LogPosition(self.at, self.job, self.attempt, self.piece.first_char + self.piece.chars)


class JobPiece(msgspec.Struct, frozen=True):
    """A piece of the log of one job of a run; `node` None: a run of one script. `place`: that of its body."""

    job: UUID
    node: str | None
    place: int | None
    attempt: int
    at: datetime
    piece: LogPiece

    @property
    def stop(self) -> int:
        """Position in the attempt after the last character."""
        return self.piece.first_char + self.piece.chars


class LogEnd(msgspec.Struct, frozen=True):
    """End of the log of a job, and the time at which it was written."""

    job: UUID
    attempt: int
    stop: int
    at: datetime


async def get_safe_time(conn: Connection, least_age_s: float) -> datetime:
    """Return the time, at least `least_age_s` seconds ago, up to which all pieces of logs are visible.

    Applies to statements that start after this one.
    """
    row = await conn.fetchrow(_SQL["get_safe_time"], least_age_s)
    assert row is not None
    now: datetime = row["now"]
    return now - timedelta(seconds=row["age_s"]) - _ROUNDED


async def list_pieces_after(
    conn: Connection, run: UUID, after: datetime, known: Sequence[LogEnd], limit: int, chars: int
) -> list[JobPiece]:
    """Return at most `limit` pieces of a run's logs after a time; for `known` jobs, those after their known end.

    The result ends once it has `chars` characters.
    """
    columns = [each.job for each in known], [each.attempt for each in known], [each.stop for each in known]
    rows = await conn.fetch(_SQL["list_pieces_after"], run, after, *columns, limit, chars)
    return [
        JobPiece(
            *(row["job"], row["node"], row["place"], row["attempt"], row["at"]),
            LogPiece(row["first_char"], row["chars"], row["body"], row["object"], row["start"], row["bytes"]),
        )
        for row in rows
    ]


async def list_log_ends(conn: Connection, run: UUID, after: datetime) -> list[LogEnd]:
    """Return the ends of those logs of a run's jobs that were written to after a time."""
    return [LogEnd(**dict(row)) for row in await conn.fetch(_SQL["list_log_ends"], run, after)]


async def read_log(conn: Connection, job: UUID, start: int, end: int, *, attempt: int | None = None) -> list[LogPiece]:
    """Return the pieces with characters from `start` (≥ 0) up to `end`, in order; none at the log's end.

    Attempts are concatenated; with `attempt` only that one is read, and positions count from 0.
    """
    rows = await conn.fetch(_SQL["read_log"], job, attempt, start, end)
    return [LogPiece(**dict(row)) for row in rows]


async def list_pieces_by_time(
    conn: Connection, run: UUID, jobs: Sequence[UUID], after: LogPosition, limit: int
) -> list[TimedPiece]:
    """Return at most `limit` pieces of the logs of these jobs of the run, in the order of writing."""
    place = (after.at, after.job, after.attempt, after.end)
    rows = await conn.fetch(_SQL["list_pieces_by_time"], run, list(jobs), *place, limit)
    return [
        TimedPiece(
            row["job"],
            row["attempt"],
            row["at"],
            LogPiece(row["first_char"], row["chars"], row["body"], row["object"], row["start"], row["bytes"]),
        )
        for row in rows
    ]
