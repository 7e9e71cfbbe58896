"""Messages of all kinds that wait to be sent."""

from __future__ import annotations

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("messages")


async def find_due(connection: Connection) -> list[str]:
    """Return the kinds of messages that are due: notifications, error_handlers, deployment_mails, deployment_checks,
    item_webhooks.
    """
    row = await connection.fetchrow(_SQL["find_due"])
    return [kind for kind, is_due in row.items() if is_due]
