"""Position of a reader in the logs of a run. Each piece is delivered exactly once.

Pieces are ordered by the time of their writing. A transaction that commits late can add a piece with an earlier time.
No new piece can appear up to the horizon; beyond it, the position sent of each job's log is noted.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.db import log_reads
from orvanta_platform.db.log_reads import JobPiece, LogEnd
from orvanta_platform.db.pool import Database
from orvanta_platform.errors import BadRequest, StorageError
from orvanta_platform.services.logs import text as log_text
from orvanta_platform.services.logs.objects import open_pieces
from orvanta_platform.storage import Storage

MAX_NOTED: Final = 400
"""Maximum number of jobs whose positions a cursor notes. Other jobs wait until the horizon has advanced."""

_MIN_AGE_S: Final = 3.0
_PIECES: Final = 256
_CHARS: Final = 1 << 20
_LONG_CHARS: Final = 500_000
_LONG_KEPT: Final = timedelta(seconds=60)
_MICROSECOND: Final = timedelta(microseconds=1)
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PREFIX: Final = 6
_MAX_LENGTH: Final = 16_384


class LogPart(msgspec.Struct, frozen=True):
    """Text of one job's log, starting at character `offset` of the attempt."""

    job: UUID
    node: str | None
    """None: the run is a run of one script."""
    place: int | None
    attempt: int
    offset: int
    text: str
    at: datetime
    """Time at which the last character was written."""


@dataclass(slots=True)
class Tail:
    """Position of a reader."""

    horizon: datetime = _BEGINNING
    """All pieces up to this time were read."""
    noted: dict[UUID, LogEnd] = field(default_factory=dict)
    """Positions in logs that were read beyond the horizon."""

    def has_room(self, job: UUID, at: datetime, limit: int) -> bool:
        """Return whether another part of this job's log can be sent.

        Late parts always can, so that the horizon advances.
        """
        if job in self.noted or len(self.noted) < limit:
            return True
        return at <= min(end.at for end in self.noted.values())

    def new_text(self, part: LogPart, at: datetime) -> LogPart | None:
        """Return the new text of a part, or None if all of it was already sent."""
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
        """Advance the horizon, up to which no new piece can appear.

        A long log is noted for longer, because its pieces are rearranged when it ends.
        """
        self.horizon = max(self.horizon, horizon)
        gone = [
            end.job
            for end in self.noted.values()
            if end.at <= self.horizon - (_LONG_KEPT if end.stop >= _LONG_CHARS else _MICROSECOND * 0)
        ]
        for job in gone:
            del self.noted[job]

    def encode(self, rev: str) -> str:
        """Return the cursor of a reader that has the graph `rev`; safe in headers and queries."""
        noted = self.noted.values()
        ids = b"".join(end.job.bytes[_PREFIX:] for end in noted)
        ends = [number for end in noted for number in (end.attempt, end.stop)]
        raw = msgspec.msgpack.encode((1, rev, (self.horizon - _BEGINNING) // _MICROSECOND, ids, ends))
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(run: UUID, cursor: str) -> tuple[Tail, str]:
    """Return the position in a cursor and the revision of the reader's graph. Raises BadRequest if it is invalid."""
    try:
        if len(cursor) > _MAX_LENGTH:
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
        raise BadRequest("The cursor is not a cursor of a stream.", hint="Send the id of the last message.") from error
    now = clock.now()
    pairs = zip(jobs, ends[::2], ends[1::2], strict=True)
    noted = {job: LogEnd(job, attempt, stop, now) for job, attempt, stop in pairs}
    return Tail(_BEGINNING + moment * _MICROSECOND, noted), rev


async def at_the_end(db: Database, run: UUID) -> Tail:
    """Return the position of a reader that has read all current logs."""
    async with db.acquire() as conn:
        horizon = await log_reads.get_safe_time(conn, _MIN_AGE_S)
        ends = await log_reads.list_log_ends(conn, run, horizon)
    return Tail(horizon, {end.job: end for end in ends})


class Page(msgspec.Struct, frozen=True):
    """The next parts of the logs with their times."""

    parts: Sequence[tuple[LogPart, datetime]]
    complete: bool
    """There are no more parts now."""
    held: bool = False
    """More parts will be available soon."""


async def read_on(db: Database, storage: Storage, run: UUID, tail: Tail, *, most_noted: int | None = None) -> Page:
    """Return the next parts, and advance `tail`. Objects are read without holding a connection.

    `most_noted`: replaces MAX_NOTED for positions that are not encoded as a cursor.
    """
    room = MAX_NOTED if most_noted is None else most_noted
    async with db.acquire() as conn:
        safe = await log_reads.get_safe_time(conn, _MIN_AGE_S)
        noted = [*tail.noted.values()]
        found = await log_reads.list_pieces_after(conn, run, tail.horizon, noted, _PIECES, _CHARS)
    parts: list[tuple[LogPart, datetime]] = []
    for piece, text in zip(found, await _texts(storage, found), strict=True):
        if not tail.has_room(piece.job, piece.at, room):
            tail.pass_to(min(safe, piece.at - _MICROSECOND))
            return Page(parts, complete=False, held=not parts)
        start = piece.piece.first_char
        made = LogPart(piece.job, piece.node or None, piece.place, piece.attempt, start, text, piece.at)
        if (fresh := tail.new_text(made, piece.at)) is not None:
            parts.append((fresh, piece.at))
    whole = len(found) < _PIECES and sum(piece.piece.chars for piece in found) < _CHARS
    tail.pass_to(safe if whole else min(safe, found[-1].at - _MICROSECOND))
    return Page(parts, whole)


async def _texts(storage: Storage, found: Sequence[JobPiece]) -> list[str]:
    try:
        return await open_pieces(storage, [piece.piece for piece in found])
    except StorageError:
        return [await _text(storage, piece) for piece in found]


async def _text(storage: Storage, piece: JobPiece) -> str:
    """Return the text of a piece. An unreadable one is replaced by text of the same length, which preserves offsets."""
    try:
        return (await open_pieces(storage, [piece.piece]))[0]
    except StorageError as error:
        return log_text.unreadable(error)[: piece.piece.chars].ljust(piece.piece.chars)
