"""Rows of debounce: the pending run that replaces the calls of a key until it starts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts
from orvanta_platform.db.steps import NewValue

_SQL = query_texts("debounce")


class DebounceRow(msgspec.Struct, frozen=True):
    """A locked key."""

    run: UUID
    """The pending run."""
    calls: int
    """Number of calls that it replaces."""
    first_at: datetime
    """Time of the first call."""
    now: datetime
    """Time of the database."""


async def lock(connection: Connection, key: bytes, run: UUID) -> DebounceRow:
    """Lock a key and return its pending run; `run` if there was none."""
    row = await connection.fetchrow(_SQL["lock_debounce"], key, run)
    return DebounceRow(**dict(row))


async def replace(connection: Connection, key: bytes, run: UUID) -> None:
    """Make another run the pending run of the locked key."""
    await connection.execute(_SQL["replace_debounce"], key, run)


async def delay(connection: Connection, key: bytes, run: UUID, until: datetime) -> bool:
    """Count a call and delay the run to `until`; return False, unchanged, if it has started or is cancelled."""
    if await connection.fetchval(_SQL["delay"], run, until) is None:
        return False
    await connection.execute(_SQL["count_call"], key)
    return True


async def set_args(connection: Connection, run: UUID, value: NewValue) -> None:
    """Replace the arguments of a run that has not started."""
    await connection.execute(_SQL["set_args"], run, value.size, value.encoding, value.body, value.object)


async def record_call(connection: Connection, run: UUID, call: UUID, by: str) -> None:
    """Record the call in the history of the run."""
    await connection.execute(_SQL["record_call"], run, call, by)


async def includes_call(connection: Connection, run: UUID, call: UUID) -> bool:
    """Return whether the run already includes this call."""
    return bool(await connection.fetchval(_SQL["includes_call"], run, str(call)))


async def delete_unused(connection: Connection) -> None:
    """Delete keys that are no longer in use."""
    await connection.execute(_SQL["delete_unused"])
