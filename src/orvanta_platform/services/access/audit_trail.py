"""Reading the audit trail. Each export, and each reader of lists within some minutes, is itself a row of the trail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from msgspec.structs import asdict, replace

from orvanta_platform.control import audit
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.live_actor import LiveActor
from orvanta_platform.control.permissions import Target, require
from orvanta_platform.db import audit as rows
from orvanta_platform.db import tokens
from orvanta_platform.db.audit import AuditFilter, AuditRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import NotFound
from orvanta_platform.services.platform import Platform

_BATCH = 1000
ONE_READING = timedelta(minutes=10)
"""Period in which the lists that a reader calls with one token from one address in a workspace are one row: each filter
and page is a call. Each call of a job is a row.
"""


async def list_page(
    platform: Platform,
    actor: Actor,
    workspace: str | None,
    filter: AuditFilter,
    *,
    before: int | None,
    limit: int,
    offset: int,
) -> list[AuditRow]:
    """Return rows of a workspace, or of the instance (None), newest first. Raises NotFound, Forbidden."""
    require_reader(actor, workspace)
    async with platform.db.transaction() as conn:
        found = await rows.list_page(conn, workspace, filter, before=before, limit=limit, offset=offset)
        await _record_reading(conn, actor, workspace)
    return found


async def get(platform: Platform, actor: Actor, workspace: str, id: int) -> AuditRow:
    """Return a row of a workspace. Raises NotFound, Forbidden."""
    require_reader(actor, workspace)
    async with platform.db.transaction() as conn:
        found = await rows.get(conn, workspace, id)
        if found is None:
            raise NotFound(f"There is no audit row {id}.")
        await audit.record(conn, actor, "audit.get", "Execute", str(id), workspace=workspace)
    return found


async def export(
    platform: Platform, caller: LiveActor, workspace: str | None, filter: AuditFilter
) -> AsyncIterator[list[AuditRow]]:
    """Return batches of all rows up to now, oldest first. Raises NotFound, Forbidden, errors of the filter.

    The iterator raises Unauthenticated, Forbidden or NotFound once the caller has lost the right.
    """
    actor = await caller.current()
    require_reader(actor, workspace)
    async with platform.db.transaction() as conn:
        last = await rows.get_last_id(conn)
        first = await rows.list_ascending(conn, workspace, filter, after=0, last=last, limit=_BATCH)
        await _record(conn, actor, workspace, "audit.export", filter)

    async def batches() -> AsyncIterator[list[AuditRow]]:
        found = first
        while found:
            yield found
            require_reader(await caller.current(), workspace)
            async with platform.db.transaction() as conn:
                after = found[-1].id
                found = await rows.list_ascending(conn, workspace, filter, after=after, last=last, limit=_BATCH)

    return batches()


def require_reader(actor: Actor, workspace: str | None) -> None:
    """Raise NotFound or Forbidden unless the actor may read the trail of a workspace, or of the instance (None)."""
    if workspace is None:
        require(actor, "read_audit", Target(None, "instance"))
    else:
        require(actor, "list", Target(workspace, "audit"))


async def _record_reading(conn: Connection, actor: Actor, workspace: str | None) -> None:
    """Record that a reader lists rows, which is not known to be about some of them only."""
    prefix = None if actor.token is None else await tokens.get_prefix(conn, actor.token)
    parameters = {} if prefix is None else {"token": prefix}
    row = audit.row(replace(actor, workspace=workspace), "audit.list", "Execute", None, parameters)
    # The code of a job need not be that of the reader for whom it acts.
    if actor.kind == "job" or not await rows.was_read_recently(conn, row, ONE_READING):
        await rows.append(conn, row)


async def _record(conn: Connection, actor: Actor, workspace: str | None, operation: str, filter: AuditFilter) -> None:
    parameters: dict[str, Any] = {name: value for name, value in asdict(filter).items() if value is not None}
    if workspace is None:
        await audit.record_instance(conn, actor, operation, "Execute", None, parameters)
    else:
        await audit.record(conn, actor, operation, "Execute", None, parameters, workspace=workspace)
