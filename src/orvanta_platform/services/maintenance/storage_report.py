"""Report on disk usage and retention."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby

import msgspec

from orvanta_platform import ids
from orvanta_platform.db import retention as rows
from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.db.retention import TableSize, WorkspaceSize
from orvanta_platform.services.maintenance.retention import LOCK_TIMEOUT_MS, Policy, blocking_reason


class Week(msgspec.Struct, frozen=True):
    """A week of history."""

    begins_at: datetime
    ends_at: datetime
    bytes: int
    """Size on disk of all its tables."""
    goes_at: datetime | None
    """Time at which it may be dropped."""
    held_by: str | None
    """Reason for which it cannot be dropped at that time."""


class StorageReport(msgspec.Struct, frozen=True):
    """Disk usage: tables and workspaces by decreasing size, weeks in chronological order."""

    tables: list[TableSize]
    weeks: list[Week]
    workspaces: list[WorkspaceSize]
    droppable: bool
    """The current role may drop partitions."""


async def storage(database: Database, policy: Policy, now: datetime, *, owner_url: str | None) -> StorageReport:
    """Create the report from the whole database. This takes a while for a large history."""
    droppable = await _droppable(owner_url)
    async with database.acquire() as conn:
        return StorageReport(
            tables=await rows.get_table_sizes(conn),
            weeks=await _weeks(conn, policy, now, droppable),
            workspaces=await rows.get_workspace_sizes(conn),
            droppable=droppable,
        )


async def _droppable(owner_url: str | None) -> bool:
    if owner_url is None:
        return False
    async with rows.connect_as_owner(owner_url, LOCK_TIMEOUT_MS) as conn:
        return await rows.can_drop_partitions(conn)


async def _weeks(conn: Connection, policy: Policy, now: datetime, droppable: bool) -> list[Week]:
    end, oldest = policy.end(now), await rows.get_oldest_live(conn)
    found = []
    for _, of_week in groupby(await rows.list_partitions(conn), key=lambda each: each.lower):
        week = list(of_week)
        begins_at, ends_at = ids.made_at(week[0].lower), ids.made_at(week[0].upper)
        held = None
        if end is not None and ends_at <= end:
            held = blocking_reason(week[0], oldest, await rows.list_needed_runs(conn, week[0].upper))
            if held is None and not droppable:
                held = "the current role does not own the tables: runs are deleted in batches; set ORVANTA_OWNER_URL"
        goes_at = ends_at + timedelta(days=policy.days) if end is not None else None
        found.append(Week(begins_at, ends_at, sum(each.bytes for each in week), goes_at, held))
    return found
