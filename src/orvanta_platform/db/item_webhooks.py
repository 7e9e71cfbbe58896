"""Rows of webhooks that receive the changes of the items of a workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orvanta_platform.db.data_keys import KeyRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("item_webhooks")


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """The webhook of a workspace."""

    workspace: str
    sealed: bytes = field(repr=False)
    """URL, sealed with `key`."""
    position: int
    """Transactions before this one were sent or dropped."""
    tries: int
    """Number of attempts to send the next transaction, this one included."""
    error: str | None
    """Reason why the last attempt failed; None: it succeeded."""
    key: KeyRow = field(repr=False)


async def get(conn: Connection, workspace: str) -> WebhookRow | None:
    """Return the webhook of a workspace."""
    row = await conn.fetchrow(_SQL["get"], workspace)
    return None if row is None else _webhook(row)


async def store(conn: Connection, workspace: str, sealed: bytes, key_version: int) -> None:
    """Set the webhook of a workspace, which receives the changes that are made from now on."""
    await conn.execute(_SQL["store"], workspace, sealed, key_version)


async def delete(conn: Connection, workspace: str) -> bool:
    """Delete the webhook of a workspace; return False if there is none."""
    return await conn.fetchval(_SQL["delete"], workspace) is not None


async def claim_due(conn: Connection, nouns: Sequence[str], limit: int) -> list[WebhookRow]:
    """Claim webhooks with changes that were not sent. `nouns`: first parts of the operations that change items."""
    return [_webhook(row) for row in await conn.fetch(_SQL["claim_due"], limit, list(nouns))]


async def skip_others(conn: Connection, nouns: Sequence[str]) -> None:
    """Move webhooks without changes to send past the rows of the audit trail that change no item."""
    await conn.execute(_SQL["skip_others"], list(nouns))


async def advance(conn: Connection, row: WebhookRow, position: int, error: str | None = None) -> None:
    """Record that the transactions before `position` were sent, or dropped because of `error`."""
    await conn.execute(_SQL["advance"], row.workspace, row.position, position, error)


async def set_error(conn: Connection, row: WebhookRow, error: str) -> None:
    """Record the reason why an attempt failed."""
    await conn.execute(_SQL["set_error"], row.workspace, row.position, error)


def _webhook(row: Mapping[str, Any]) -> WebhookRow:
    values = dict(row)
    version, wrapped, by = (values.pop(name) for name in ("key_version", "wrapped", "wrapped_by"))
    return WebhookRow(**values, key=KeyRow(version, wrapped, by))
