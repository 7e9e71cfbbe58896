"""Rows of leaders: the holder of a duty that one process performs at a time."""

from __future__ import annotations

from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("leaders")

_RESIGNED = -1


class Leader(msgspec.Struct, frozen=True):
    """The holder of a leadership, its term, and the heartbeat that observers watch."""

    holder: UUID
    term: int
    beat: int

    @property
    def resigned(self) -> bool:
        """True if it has resigned."""
        return self.beat == _RESIGNED


async def claim(connection: Connection, name: str, holder: UUID) -> int | None:
    """Claim a leadership that nobody has held; return the term (1), otherwise None."""
    term: int | None = await connection.fetchval(_SQL["claim_leadership"], name, holder)
    return term


async def observe(connection: Connection, name: str) -> Leader | None:
    """Return the current leader; None if nobody has led yet."""
    row = await connection.fetchrow(_SQL["observe_leader"], name)
    return Leader(**dict(row)) if row else None


async def beat(connection: Connection, name: str, holder: UUID, term: int) -> bool:
    """Record a heartbeat of the leader; return False if its term has ended."""
    return await connection.fetchval(_SQL["beat_leader"], name, holder, term) is not None


async def take_over(connection: Connection, name: str, holder: UUID, seen: Leader) -> int | None:
    """Take over if the leader is unchanged since `seen`; return the new term, None if it is active or replaced."""
    query = _SQL["take_over_leadership"]
    term: int | None = await connection.fetchval(query, name, holder, seen.term, seen.beat)
    return term


async def resign(connection: Connection, name: str, holder: UUID, term: int) -> None:
    """Resign, so that the next observer takes over immediately."""
    await connection.execute(_SQL["resign_leadership"], name, holder, term)
