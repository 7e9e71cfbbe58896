"""Rows of the audit trail."""

from __future__ import annotations

import msgspec
from msgspec.structs import astuple

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("audit")


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


async def append(connection: Connection, row: NewAudit) -> None:
    """Append one row, in the transaction of the audited change."""
    await connection.execute(_SQL["append"], *astuple(row))
