"""Rows of the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import astuple

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("audit")

NEWEST = 20_000
"""Number of rows in whose order a page is searched first. Rarer rows are searched by an index of the filter."""


class NewAudit(msgspec.Struct, frozen=True):
    """A row to append; `parameters` is JSON text."""

    workspace: str | None
    actor: str
    on_behalf_of: str | None
    operation: str
    action_kind: str
    resource: str | None
    parameters: str | None
    address: str | None
    request_id: str | None


class AuditRow(msgspec.Struct, frozen=True):
    """A stored row; `parameters` is JSON text."""

    id: int
    workspace: str | None
    at: datetime
    actor: str
    on_behalf_of: str | None
    operation: str
    action_kind: str
    resource: str | None
    parameters: str | None
    address: str | None
    request_id: str | None


class AuditFilter(msgspec.Struct, frozen=True):
    """Conditions of a list; None: any."""

    actor: str | None = None
    operation: str | None = None
    """An operation (users.create), or its first part (users)."""
    action_kind: str | None = None
    resource: str | None = None
    resource_prefix: str | None = None
    """Beginning of the resource, for example a folder."""
    since: datetime | None = None
    until: datetime | None = None
    operations: list[str] | None = None
    """Operations, or first parts, one of which it must be."""
    excluded: list[str] | None = None
    """Operations, or first parts, none of which it may be."""


async def list_page(
    conn: Connection, workspace: str | None, filter: AuditFilter, *, before: int | None, limit: int, offset: int
) -> list[AuditRow]:
    """Return rows of a workspace (None: of the instance) before the row `before`, newest first, in a transaction."""
    by_time = filter.since is not None or filter.until is not None
    others = filter.operations, filter.excluded, filter.resource_prefix
    values = (workspace, *_values(filter), before, limit, offset, *others, by_time)
    await conn.execute(_SQL["plan_by_values"])
    rows = await conn.fetch(_SQL["list_newest"], *values, NEWEST + limit + offset)
    if len(rows) < limit:
        rows = await conn.fetch(_SQL["list_matching"], *values)
    return [AuditRow(**row) for row in rows]


async def list_ascending(
    conn: Connection, workspace: str | None, filter: AuditFilter, *, after: int, last: int, limit: int
) -> list[AuditRow]:
    """Return rows of a workspace (None: of the instance) with ids above `after` up to `last`, oldest first, in a
    transaction."""
    query = _SQL["list_ascending" if workspace is not None else "list_ascending_of_instance"]
    await conn.execute(_SQL["plan_by_values"])
    others = filter.operations, filter.excluded, filter.resource_prefix
    rows = await conn.fetch(query, workspace, *_values(filter), after, last, limit, *others)
    return [AuditRow(**row) for row in rows]


async def get(conn: Connection, workspace: str, id: int) -> AuditRow | None:
    """Return one row of a workspace."""
    row = await conn.fetchrow(_SQL["get"], workspace, id)
    return AuditRow(**row) if row else None


async def was_read_recently(conn: Connection, row: NewAudit, period: timedelta) -> bool:
    """Return whether a row of the same workspace, reader, address, operation and parameters was written within the
    period, in a transaction."""
    await conn.execute(_SQL["plan_by_values"])
    values = (row.workspace, row.actor, row.on_behalf_of, row.operation, period, row.address, row.parameters)
    found: bool = await conn.fetchval(_SQL["was_read_recently"], *values)
    return found


async def get_last_id(conn: Connection) -> int:
    """Return the id of the newest row; 0 if there is none."""
    last: int = await conn.fetchval(_SQL["get_last_id"])
    return last


def _values(filter: AuditFilter) -> tuple[object, ...]:
    return (filter.actor, filter.operation, filter.action_kind, filter.resource, filter.since, filter.until)


async def append(connection: Connection, row: NewAudit) -> None:
    """Append one row, in the transaction of the audited change."""
    await connection.execute(_SQL["append"], *astuple(row))


async def append_many(
    connection: Connection,
    subjects: Sequence[tuple[str, str, str | None]],
    *,
    actor: str,
    acts_in: str | None,
    email: str | None,
    parameters: str,
    address: str | None,
    request_id: str | None,
) -> None:
    """Append a row for each (workspace, operation, resource), in the transaction of the audited changes.

    `actor`: username in the workspace `acts_in`; in others it is that of the account `email` there, if there is one.
    """
    if subjects:
        columns = [list(column) for column in zip(*subjects, strict=True)]
        await connection.execute(_SQL["append_many"], *columns, actor, parameters, address, request_id, acts_in, email)
