"""Rows of leaders: who holds a duty that one process does at a time."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load

_RESIGNED = -1


@dataclass(frozen=True, slots=True)
class Leader:
    """Who leads, in which term, and the beat that an observer watches."""

    holder: UUID
    term: int
    beat: int

    @property
    def resigned(self) -> bool:
        """Whether it said that it stops."""
        return self.beat == _RESIGNED


async def claim(connection: Connection, name: str, holder: UUID) -> int | None:
    """The term (1) where nobody has led before; else None."""
    term: int | None = await connection.fetchval(load("leaders")["claim_leadership"].text, name, holder)
    return term


async def observe(connection: Connection, name: str) -> Leader | None:
    """The leader as it stands; None where nobody has led yet."""
    row = await connection.fetchrow(load("leaders")["observe_leader"].text, name)
    return Leader(**dict(row)) if row else None


async def beat(connection: Connection, name: str, holder: UUID, term: int) -> bool:
    """Say that the leader lives; False where its term is over."""
    return await connection.fetchval(load("leaders")["beat_leader"].text, name, holder, term) is not None


async def take_over(connection: Connection, name: str, holder: UUID, seen: Leader) -> int | None:
    """The new term where the leader still stands as it was seen; None where it moved or another took over."""
    query = load("leaders")["take_over_leadership"].text
    term: int | None = await connection.fetchval(query, name, holder, seen.term, seen.beat)
    return term


async def resign(connection: Connection, name: str, holder: UUID, term: int) -> None:
    """Let the next who looks take over at once."""
    await connection.execute(load("leaders")["resign_leadership"].text, name, holder, term)
