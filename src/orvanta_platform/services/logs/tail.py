"""Where a reader of all logs of a run is, and what comes next: nothing is lost and nothing comes twice.

Pieces come by the time of their writing. A transaction that commits late may bring one of a time that is past: up to
the horizon nothing can come any more, and of what was sent beyond it is noted how far each job's log was sent.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from orvanta_platform import clock
from orvanta_platform.db import log_reads
from orvanta_platform.db.log_reads import LogEnd, PieceBehind
from orvanta_platform.db.pool import Database
from orvanta_platform.errors import BadRequest, StorageError
from orvanta_platform.services.logs import text as log_text
from orvanta_platform.services.logs.objects import open_pieces
from orvanta_platform.storage import Storage

MOST_NOTED: Final = 400
"""Jobs of which a cursor notes how far their logs were sent; further ones wait until the horizon has passed some."""

_LEAST_AGE_S: Final = 3.0
_PIECES: Final = 256
_CHARS: Final = 1 << 20
_LONG_CHARS: Final = 500_000
_LONG_KEPT: Final = timedelta(seconds=60)
_MICROSECOND: Final = timedelta(microseconds=1)
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PREFIX: Final = 6
_LONGEST: Final = 16_384


@dataclass(frozen=True, slots=True)
class LogPart:
    """Text of one job's log, from character `offset` of the attempt on. `node` None: of a run of one script."""

    job: UUID
    node: str | None
    place: int | None
    attempt: int
    offset: int
    text: str


@dataclass(slots=True)
class Tail:
    """How far a reader is: all pieces up to `horizon`, and of the jobs in `noted` further."""

    horizon: datetime = _BEGINNING
    noted: dict[UUID, LogEnd] = field(default_factory=dict)

    def has_room(self, job: UUID, at: datetime, most: int) -> bool:
        """Whether one more part of this job's log can be sent. What came late has room: else nothing would pass it."""
        if job in self.noted or len(self.noted) < most:
            return True
        return at <= min(end.at for end in self.noted.values())

    def take(self, part: LogPart, at: datetime) -> LogPart | None:
        """What of it is new; None where all of it was sent."""
        stop = part.offset + len(part.text)
        before = self.noted.get(part.job)
        if at <= self.horizon if before is None else (part.attempt, stop) <= (before.attempt, before.stop):
            return None
        known = before.stop if before is not None and before.attempt == part.attempt else 0
        self.noted[part.job] = LogEnd(part.job, part.attempt, stop, max(at, before.at) if before is not None else at)
        if known <= part.offset:
            return part
        return replace(part, offset=known, text=part.text[known - part.offset :])

    def pass_to(self, horizon: datetime) -> None:
        """Nothing up to there can come any more. A long log is noted for longer: it is cut anew when it ends."""
        self.horizon = max(self.horizon, horizon)
        gone = [
            end.job
            for end in self.noted.values()
            if end.at <= self.horizon - (_LONG_KEPT if end.stop >= _LONG_CHARS else _MICROSECOND * 0)
        ]
        for job in gone:
            del self.noted[job]

    def encode(self, rev: str) -> str:
        """The cursor of a reader that knows the graph `rev`; safe in headers and queries."""
        noted = self.noted.values()
        ids = b"".join(end.job.bytes[_PREFIX:] for end in noted)
        ends = [number for end in noted for number in (end.attempt, end.stop)]
        raw = msgspec.msgpack.encode((1, rev, (self.horizon - _BEGINNING) // _MICROSECOND, ids, ends))
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(run: UUID, cursor: str) -> tuple[Tail, str]:
    """A reader's place, and the graph it knows. Raises BadRequest for what is no cursor."""
    try:
        if len(cursor) > _LONGEST:
            raise ValueError("too long")
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        _, rev, moment, ids, ends = msgspec.msgpack.decode(raw, type=tuple[int, str, int, bytes, list[int]])
        width = 16 - _PREFIX
        places = range(0, len(ids), width)
        if len(ids) % width or len(ends) != 2 * len(places) or not all(0 <= number < 1 << 31 for number in ends[::2]):
            raise ValueError("broken")
        if len(rev) > 64 or not all(0 <= number < 1 << 62 for number in ends[1::2]) or not 0 <= moment < 1 << 52:
            raise ValueError("broken")
        jobs = [UUID(bytes=run.bytes[:_PREFIX] + ids[place : place + width]) for place in places]
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise BadRequest("The cursor is none of a stream.", hint="Give back the id of the last message.") from error
    now = clock.now()
    pairs = zip(jobs, ends[::2], ends[1::2], strict=True)
    noted = {job: LogEnd(job, attempt, stop, now) for job, attempt, stop in pairs}
    return Tail(_BEGINNING + moment * _MICROSECOND, noted), rev


async def at_the_end(db: Database, run: UUID) -> Tail:
    """The place of a reader that has all that is there now."""
    async with db.acquire() as conn:
        horizon = await log_reads.safe_time(conn, _LEAST_AGE_S)
        ends = await log_reads.log_ends(conn, run, horizon)
    return Tail(horizon, {end.job: end for end in ends})


@dataclass(frozen=True, slots=True)
class Page:
    """The next parts of the logs with their times. `whole`: there is no more now; `held`: more has to wait a little."""

    parts: Sequence[tuple[LogPart, datetime]]
    whole: bool
    held: bool = False


async def read_on(db: Database, storage: Storage, run: UUID, tail: Tail, *, most_noted: int | None = None) -> Page:
    """What comes next; `tail` moves behind it. Objects are read with no connection held.

    `most_noted`: another number than MOST_NOTED, for tails that nobody is given as a cursor.
    """
    room = MOST_NOTED if most_noted is None else most_noted
    async with db.acquire() as conn:
        safe = await log_reads.safe_time(conn, _LEAST_AGE_S)
        noted = [*tail.noted.values()]
        found = await log_reads.pieces_behind(conn, run, tail.horizon, noted, _PIECES, _CHARS)
    parts: list[tuple[LogPart, datetime]] = []
    for piece, text in zip(found, await _texts(storage, found), strict=True):
        if not tail.has_room(piece.job, piece.at, room):
            tail.pass_to(min(safe, piece.at - _MICROSECOND))
            return Page(parts, whole=False, held=not parts)
        made = LogPart(piece.job, piece.node or None, piece.place, piece.attempt, piece.piece.first_char, text)
        if (fresh := tail.take(made, piece.at)) is not None:
            parts.append((fresh, piece.at))
    whole = len(found) < _PIECES and sum(piece.piece.chars for piece in found) < _CHARS
    tail.pass_to(safe if whole else min(safe, found[-1].at - _MICROSECOND))
    return Page(parts, whole)


async def _texts(storage: Storage, found: Sequence[PieceBehind]) -> list[str]:
    try:
        return await open_pieces(storage, [piece.piece for piece in found])
    except StorageError:
        return [await _text(storage, piece) for piece in found]


async def _text(storage: Storage, piece: PieceBehind) -> str:
    """Of what cannot be read as many characters as it had, so that offsets stay what they are."""
    try:
        return (await open_pieces(storage, [piece.piece]))[0]
    except StorageError as error:
        return log_text.unreadable(error)[: piece.piece.chars].ljust(piece.piece.chars)
