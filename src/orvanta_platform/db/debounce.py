"""Rows of debounce: the run that stands for the calls of a key, as long as it has not begun."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load
from orvanta_platform.db.steps import NewValue


@dataclass(frozen=True, slots=True)
class DebounceRow:
    """A locked key: the run, for how many calls it stands, since when; `now` by the clock of the database."""

    run: UUID
    calls: int
    first_at: datetime
    now: datetime


async def lock(connection: Connection, key: bytes, run: UUID) -> DebounceRow:
    """The key with the run that stands for it: `run` where none did."""
    row = await connection.fetchrow(_text("lock_debounce"), key, run)
    return DebounceRow(**dict(row))


async def replace(connection: Connection, key: bytes, run: UUID) -> None:
    """Another run stands for the locked key."""
    await connection.execute(_text("replace_debounce"), key, run)


async def put_off(connection: Connection, key: bytes, run: UUID, until: datetime) -> bool:
    """One more call: the run begins at `until`. False: it has begun, or is cancelled, and nothing was changed."""
    if await connection.fetchval(_text("put_off"), run, until) is None:
        return False
    await connection.execute(_text("count_debounce"), key)
    return True


async def set_args(connection: Connection, run: UUID, value: NewValue) -> None:
    """The arguments of a run that has not begun."""
    await connection.execute(_text("replace_args"), run, value.size, value.encoding, value.body, value.object)


async def note_call(connection: Connection, run: UUID, call: UUID, by: str) -> None:
    """Put the call into the history of the run."""
    await connection.execute(_text("note_call"), run, call, by)


async def was_taken(connection: Connection, run: UUID, call: UUID) -> bool:
    """Whether the run stands for this call already."""
    return bool(await connection.fetchval(_text("call_was_taken"), run, str(call)))


async def forget(connection: Connection) -> None:
    """Drop keys that nobody uses."""
    await connection.execute(_text("forget_debounces"))


def _text(name: str) -> str:
    return load("debounce")[name].text
