"""Rows of notices: pending notifications about open approvals."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("notices")


class NewNotice(msgspec.Struct, frozen=True):
    """A notification to send by `channel` (email, slack, webhook) with the settings of a resource."""

    id: UUID
    job: UUID
    channel: str
    resource: str


class Notice(msgspec.Struct, frozen=True):
    """A notification that is due, with the request of its approval; `tries` includes this attempt."""

    id: UUID
    run: UUID
    job: UUID
    workspace: str
    channel: str
    resource: str
    tries: int
    node: str
    message: str


async def insert(connection: Connection, run: UUID, workspace: str, notices: Sequence[NewNotice]) -> None:
    """Insert notifications, in the transaction of the approval."""
    ids, jobs = [each.id for each in notices], [each.job for each in notices]
    channels, resources = [each.channel for each in notices], [each.resource for each in notices]
    await connection.execute(_SQL["insert"], run, workspace, ids, jobs, channels, resources)


async def claim_due(connection: Connection, limit: int) -> list[Notice]:
    """Claim due notifications; the caller attempts to send them."""
    return [Notice(**dict(row)) for row in await connection.fetch(_SQL["claim_due"], limit)]


async def delete(connection: Connection, notice: Notice, kind: str, data: str) -> None:
    """Delete a notification that was sent or abandoned, and add an event to the run's history; `data` is JSON text."""
    await connection.execute(_SQL["delete"], notice.id, kind, notice.node, data)
