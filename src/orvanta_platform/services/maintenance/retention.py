"""Retention: drops whole weeks of history that nothing needs, or deletes runs in batches; objects after rows.

The time is a parameter (`now`). Any number of processes may sweep concurrently, and the next sweep continues after one
that was killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

import msgspec
import structlog

from orvanta_platform import ids
from orvanta_platform.db import retention
from orvanta_platform.db.errors import PARTITION_IN_USE
from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.db.retention import Partition
from orvanta_platform.errors import DatabaseUnavailable
from orvanta_platform.storage import Storage

LOCK_TIMEOUT_MS = 2000
"""Lock timeout in milliseconds, so that no transaction waits behind the drop of a partition."""

MAX_RUNS = 20_000
"""Maximum number of runs of each workspace that a sweep deletes individually."""

_ORDER = ("run_text", "value", "log_object", "log_chunk", "stream_chunk", "event", "job", "run")
_FIRST = UUID(int=0)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class SweepResult:
    """Result of a sweep."""

    partitions: list[str] = field(default_factory=list)
    runs: int = 0
    objects: int = 0
    held: dict[str, str] = field(default_factory=dict)
    """Reasons why partitions could not be dropped, by partition."""


class Policy(msgspec.Struct, frozen=True):
    """Retention of the instance, which workspaces may shorten."""

    days: int
    """Number of days that runs are retained; 0: forever."""

    def end(self, now: datetime) -> datetime | None:
        """Return the time before which data may be deleted; None: nothing may."""
        return now - timedelta(days=self.days) if self.days else None


async def sweep(
    database: Database, storage: Storage, policy: Policy, now: datetime, *, owner_url: str | None
) -> SweepResult:
    """Delete data that is older than the policy allows. Raises StorageError and errors of the database.

    `owner_url`: the role that owns the tables; without it no partition is dropped, and runs are deleted in batches.
    """
    done = SweepResult()
    end = policy.end(now)
    if end is not None:
        if owner_url is not None:
            await _drop_weeks(database, storage, end, owner_url, done)
        await _delete_runs(database, storage, None, end, done)
    async with database.acquire() as conn:
        own = await retention.get_own_retentions(conn)
    for workspace, days in own.items():
        await _delete_runs(database, storage, workspace, now - timedelta(days=days), done)
    return done


async def delete_all_runs(database: Database, storage: Storage, workspace: str, now: datetime) -> int:
    """Delete all ended runs of a workspace in batches, with their objects; return their number."""
    done = SweepResult()
    while True:
        before = done.runs
        await _delete_runs(database, storage, workspace, now + timedelta(days=1), done)
        if done.runs == before:
            return done.runs


def blocking_reason(week: Partition, oldest: UUID | None, needed: Sequence[UUID]) -> str | None:
    """Return the reason for which a partition cannot be dropped, or None.

    A live run may read all runs that ended after it started.
    """
    if oldest is not None and oldest < week.upper:
        return f"the run {oldest}, started {ids.made_at(oldest):%Y-%m-%d}, is live"
    if needed:
        return f"a live run reuses results of the run {needed[0]}"
    return None


async def _drop_weeks(database: Database, storage: Storage, end: datetime, owner_url: str, done: SweepResult) -> None:
    try:
        async with retention.connect_as_owner(owner_url, LOCK_TIMEOUT_MS) as conn:
            if await retention.can_drop_partitions(conn):
                await _drop_each(database, storage, conn, end, done)
    except DatabaseUnavailable as error:
        log.warning("partitions not dropped", action="retention", error=error.message)


async def _finish_others(conn: Connection) -> None:
    """Complete the work of a sweep that was killed between detaching and dropping a partition."""
    with suppress(*PARTITION_IN_USE):
        for each in await retention.list_partitions(conn):
            if each.pending:
                await retention.change_partition(conn, "finish", each.parent, each.child)
        for child in await retention.list_detached(conn):
            await retention.change_partition(conn, "drop", "", child)


async def _drop_each(database: Database, storage: Storage, conn: Connection, end: datetime, done: SweepResult) -> None:
    await _finish_others(conn)
    found = sorted(await retention.list_partitions(conn), key=lambda each: (each.lower, _ORDER.index(each.parent)))
    for _, of_week in groupby(found, key=lambda each: each.lower):
        week = list(of_week)
        if ids.made_at(week[0].upper) > end:
            return
        oldest, needed = await retention.get_oldest_live(conn), await retention.list_needed_runs(conn, week[0].upper)
        reason = blocking_reason(week[0], oldest, needed)
        if reason is not None:
            done.held |= {each.child: reason for each in week}
            continue
        await _empty(database, storage, week[0], done)
        for each in week:
            try:
                await retention.change_partition(conn, "detach", each.parent, each.child)
                await retention.change_partition(conn, "drop", each.parent, each.child)
            except PARTITION_IN_USE:
                done.held[each.child] = "it is in use; the next sweep tries again"
                return
            done.partitions.append(each.child)


async def _empty(database: Database, storage: Storage, week: Partition, done: SweepResult) -> None:
    """Delete the data that dropping a partition would leave: objects and decisions. Record the start of the history."""
    async with database.transaction() as conn:
        await retention.record_history_start(conn, None, ids.made_at(week.upper))
        await retention.delete_decisions(conn, week.lower, week.upper)
    for kind in ("values", "logs"):
        past = week.lower
        while past < week.upper:
            async with database.transaction() as conn:
                objects, past = await retention.take_objects(conn, kind, past, week.upper)
            await _delete_objects(storage, objects, done)


async def _delete_runs(
    database: Database, storage: Storage, workspace: str | None, end: datetime, done: SweepResult
) -> None:
    before, past, most = ids.lowest_id(end), _FIRST, done.runs + MAX_RUNS
    async with database.acquire() as conn:
        if not await retention.list_old_runs(conn, workspace, before, past, []):
            return
        needed = await retention.list_needed_runs(conn, before)
    while done.runs < most:
        async with database.transaction() as conn:
            runs = await retention.list_old_runs(conn, workspace, before, past, needed)
            if not runs:
                return
            await retention.record_history_start(conn, workspace, end)
            objects = await retention.delete_runs(conn, runs)
        done.runs, past = done.runs + len(runs), runs[-1]
        await _delete_objects(storage, objects, done)


async def _delete_objects(storage: Storage, objects: Sequence[str], done: SweepResult) -> None:
    """Delete objects after their rows. Those left by a crash are unreferenced, and deleted as such."""
    for key in objects:
        await storage.delete(key)
    done.objects += len(objects)
