"""Rows of openings: the secrets opened for attempts of running jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("openings")


@dataclass(frozen=True, slots=True)
class NewOpening:
    """A secret opened for an attempt: `digest` identifies equal ones, `sealed` is encrypted for its worker."""

    kind: str
    path: str
    digest: bytes
    sealed: bytes = field(repr=False)


async def record(conn: Connection, job: UUID, attempt: int, new: NewOpening) -> bool:
    """Record an opening of a running attempt; return False if it was recorded before. Call `hold` first."""
    columns = (new.kind, new.path, new.digest, new.sealed)
    return await conn.fetchval(_SQL["record"], job, attempt, *columns) is not None


async def lock_attempt(conn: Connection, job: UUID, attempt: int) -> bool:
    """Lock the attempt, so that it cannot end before the transaction; return False if it has ended."""
    return await conn.fetchval(_SQL["lock_attempt"], job, attempt) is not None


async def update_count(conn: Connection, job: UUID, attempt: int) -> int:
    """Update the number of openings in the row of a held attempt; return the number."""
    found: int = await conn.fetchval(_SQL["update_count"], job, attempt)
    return found


async def count(conn: Connection, job: UUID, attempt: int) -> int:
    """Return the number of openings of the attempt."""
    found: int = await conn.fetchval(_SQL["count"], job, attempt)
    return found


async def list_sealed(conn: Connection, job: UUID, attempt: int) -> list[bytes]:
    """Return all openings of the attempt, encrypted for its worker."""
    return [row["sealed"] for row in await conn.fetch(_SQL["list_sealed"], job, attempt)]


async def delete_ended(conn: Connection) -> None:
    """Delete openings older than an hour whose attempts no longer run."""
    await conn.execute(_SQL["delete_ended"])
