"""Rows of the error handlers of workspaces, and of the failed runs that wait for them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("error_handlers")


class ErrorHandlerRow(msgspec.Struct, frozen=True):
    """The error handler of a workspace."""

    workspace: str
    path: str
    is_flow: bool
    permissioned_as: str
    """Member as whom it runs."""
    email: str
    error: str | None
    """Reason for which it could not start for the last failed run, or was disabled; None: it started."""
    disabled: bool = False
    """True if the admin who set it left: it starts nothing until an admin sets it again or enables it for another."""


class FailedRun(msgspec.Struct, frozen=True):
    """A failed run whose error handler is due; `tries` includes this attempt."""

    run: UUID
    workspace: str
    tries: int
    kind: str
    path: str | None
    trigger: str
    created_by: str
    email: str
    started_at: datetime | None
    result_of: UUID | None
    schedule_path: str | None
    handled: bool
    """True if it has a handler of its own, or mutes that of the workspace."""


async def get(conn: Connection, workspace: str) -> ErrorHandlerRow | None:
    """Return the error handler of a workspace."""
    row = await conn.fetchrow(_SQL["get"], workspace)
    return None if row is None else ErrorHandlerRow(**dict(row))


async def store(conn: Connection, row: ErrorHandlerRow, edited_by: str) -> None:
    """Set the error handler of a workspace."""
    await conn.execute(_SQL["store"], row.workspace, row.path, row.is_flow, row.permissioned_as, row.email, edited_by)


async def delete(conn: Connection, workspace: str) -> None:
    """Remove the error handler of a workspace, and the failed runs that wait for it."""
    await conn.execute(_SQL["delete"], workspace)


async def assign(
    conn: Connection, workspace: str, path: str, owner: str, email: str, *, enable: bool, edited_by: str
) -> bool | None:
    """Let the error handler of a workspace run as another admin (u/<username>, `email`).

    Return whether it is a workflow; None if the workspace has no error handler with this path.
    """
    is_flow: bool | None = await conn.fetchval(_SQL["assign"], workspace, path, owner, email, enable, edited_by)
    return is_flow


async def set_error(conn: Connection, workspace: str, reason: str | None) -> None:
    """Record the reason for which the error handler could not start; None: it started."""
    await conn.execute(_SQL["set_error"], workspace, reason)


async def claim_due(conn: Connection, limit: int) -> list[FailedRun]:
    """Claim failed runs whose error handler is due; the caller attempts to start it."""
    return [FailedRun(**dict(row)) for row in await conn.fetch(_SQL["claim_due"], limit)]


async def delete_failed_run(conn: Connection, run: UUID) -> bool:
    """Delete a failed run; return False if another process did."""
    return await conn.fetchval(_SQL["delete_failed_run"], run) is not None
