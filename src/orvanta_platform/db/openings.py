"""Rows of openings: the secrets that attempts of running jobs were given."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class NewOpening:
    """What an attempt was given: `digest` tells equal ones, `sealed` opens for its worker."""

    kind: str
    path: str
    digest: bytes
    sealed: bytes = field(repr=False)


async def note(conn: Connection, job: UUID, attempt: int, new: NewOpening) -> bool:
    """Note an opening of a running attempt; False where it was noted before. Call `hold` first."""
    columns = (new.kind, new.path, new.digest, new.sealed)
    return await conn.fetchval(load("openings")["note"].text, job, attempt, *columns) is not None


async def hold(conn: Connection, job: UUID, attempt: int) -> bool:
    """Keep the attempt from ending until the transaction does; False where it is over."""
    return await conn.fetchval(load("openings")["hold"].text, job, attempt) is not None


async def tell(conn: Connection, job: UUID, attempt: int) -> int:
    """Tell a held attempt how many openings it has; gives the number."""
    found: int = await conn.fetchval(load("openings")["tell"].text, job, attempt)
    return found


async def count(conn: Connection, job: UUID, attempt: int) -> int:
    """How many openings the attempt has."""
    found: int = await conn.fetchval(load("openings")["count"].text, job, attempt)
    return found


async def sealed(conn: Connection, job: UUID, attempt: int) -> list[bytes]:
    """Everything the attempt was given, sealed for its worker."""
    return [row["sealed"] for row in await conn.fetch(load("openings")["sealed"].text, job, attempt)]


async def forget_ended(conn: Connection) -> None:
    """Drop openings older than an hour whose attempts do not run any more."""
    await conn.execute(load("openings")["forget_ended"].text)
