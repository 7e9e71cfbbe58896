"""The weekly partitions of history."""

from __future__ import annotations

from datetime import datetime

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("schema")


async def create_missing(connection: Connection, around: datetime) -> int:
    """Create missing partitions from the week before `around` to two weeks after; return the number created."""
    return int(await connection.fetchval(_SQL["ensure_partitions"], around))
