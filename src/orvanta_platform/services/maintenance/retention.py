"""What history is kept: whole weeks dropped where nothing needs them, else runs deleted in batches; objects after rows.

Nothing here looks at a clock: `now` is a parameter. Any number of processes may sweep at once, and one that is killed
anywhere leaves what the next one takes up.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

import asyncpg
import structlog

from orvanta_platform import ids
from orvanta_platform.db import retention
from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.db.retention import Partition
from orvanta_platform.errors import DatabaseUnavailable
from orvanta_platform.storage import Storage

PATIENCE_MS = 2000
"""How long a lock is waited for, so that nobody waits behind the drop of a partition."""

MOST_RUNS = 20_000
"""Runs deleted one by one in a sweep, of each workspace."""

_ORDER = ("run_text", "value", "log_object", "log_chunk", "stream_chunk", "event", "job", "run")
_FIRST = UUID(int=0)
_IN_USE = (
    asyncpg.LockNotAvailableError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedObjectError,
)
"""Somebody reads it for long, or another process is just dropping it."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Swept:
    """What a sweep has done; `held`: by partition why it could not go yet."""

    partitions: list[str] = field(default_factory=list)
    runs: int = 0
    objects: int = 0
    held: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """How many days runs are kept for (0: for ever) where their workspace says nothing shorter."""

    days: int

    def end(self, now: datetime) -> datetime | None:
        """What begun before this may go; None: nothing."""
        return now - timedelta(days=self.days) if self.days else None


async def sweep(database: Database, storage: Storage, policy: Policy, now: datetime, *, owner_url: str | None) -> Swept:
    """Let go what is older than the policy says. Raises StorageError, and what the database raises.

    `owner_url`: the role that owns the tables; without it nothing is dropped, and runs are deleted in batches.
    """
    done = Swept()
    end = policy.end(now)
    if end is not None:
        if owner_url is not None:
            await _drop_weeks(database, storage, end, owner_url, done)
        await _delete_runs(database, storage, None, end, done)
    async with database.acquire() as conn:
        own = await retention.own_days(conn)
    for workspace, days in own.items():
        await _delete_runs(database, storage, workspace, now - timedelta(days=days), done)
    return done


def holder(week: Partition, oldest: UUID | None, needed: Sequence[UUID]) -> str | None:
    """Why a partition cannot be dropped, None where it can: a run under way may read all that ended after it began."""
    if oldest is not None and oldest < week.upper:
        return f"the run {oldest}, begun {ids.made_at(oldest):%Y-%m-%d}, is under way"
    if needed:
        return f"a run under way goes on from the run {needed[0]}"
    return None


async def _drop_weeks(database: Database, storage: Storage, end: datetime, owner_url: str, done: Swept) -> None:
    try:
        async with retention.owner(owner_url, PATIENCE_MS) as conn:
            if await retention.owns_history(conn):
                await _drop_each(database, storage, conn, end, done)
    except DatabaseUnavailable as error:
        log.warning("partitions not dropped", action="retention", error=error.message)


async def _finish_others(conn: Connection) -> None:
    """Take up what a sweep left that was killed between detaching and dropping."""
    with suppress(*_IN_USE):
        for each in await retention.partitions(conn):
            if each.pending:
                await retention.change(conn, "finish", each.parent, each.child)
        for child in await retention.detached(conn):
            await retention.change(conn, "drop", "", child)


async def _drop_each(database: Database, storage: Storage, conn: Connection, end: datetime, done: Swept) -> None:
    await _finish_others(conn)
    found = sorted(await retention.partitions(conn), key=lambda each: (each.lower, _ORDER.index(each.parent)))
    for _, of_week in groupby(found, key=lambda each: each.lower):
        week = list(of_week)
        if ids.made_at(week[0].upper) > end:
            return
        oldest, needed = await retention.oldest_live(conn), await retention.needed_runs(conn, week[0].upper)
        why = holder(week[0], oldest, needed)
        if why is not None:
            done.held |= {each.child: why for each in week}
            continue
        await _empty(database, storage, week[0], done)
        for each in week:
            try:
                await retention.change(conn, "detach", each.parent, each.child)
                await retention.change(conn, "drop", each.parent, each.child)
            except _IN_USE:
                done.held[each.child] = "it is in use; it is tried again"
                return
            done.partitions.append(each.child)


async def _empty(database: Database, storage: Storage, week: Partition, done: Swept) -> None:
    """What a partition's drop would leave behind: objects, decisions, and the word that history begins later."""
    async with database.transaction() as conn:
        await retention.note_history(conn, None, ids.made_at(week.upper))
        await retention.drop_decisions(conn, week.lower, week.upper)
    for kind in ("values", "logs"):
        past = week.lower
        while past < week.upper:
            async with database.transaction() as conn:
                objects, past = await retention.take_objects(conn, kind, past, week.upper)
            await _delete_objects(storage, objects, done)


async def _delete_runs(database: Database, storage: Storage, workspace: str | None, end: datetime, done: Swept) -> None:
    before, past, most = ids.lowest_id(end), _FIRST, done.runs + MOST_RUNS
    async with database.acquire() as conn:
        if not await retention.old_runs(conn, workspace, before, past, []):
            return
        needed = await retention.needed_runs(conn, before)
    while done.runs < most:
        async with database.transaction() as conn:
            runs = await retention.old_runs(conn, workspace, before, past, needed)
            if not runs:
                return
            await retention.note_history(conn, workspace, end)
            objects = await retention.drop_runs(conn, runs)
        done.runs, past = done.runs + len(runs), runs[-1]
        await _delete_objects(storage, objects, done)


async def _delete_objects(storage: Storage, objects: Sequence[str], done: Swept) -> None:
    """After their rows; what stays behind by a crash here is unnamed, and swept as such."""
    for key in objects:
        await storage.delete(key)
    done.objects += len(objects)
