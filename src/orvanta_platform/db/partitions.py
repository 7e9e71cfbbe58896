"""The weekly partitions of history."""

from __future__ import annotations

from datetime import datetime

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


async def ensure(connection: Connection, around: datetime) -> int:
    """Make what is missing from the week before `around` to two weeks after; gives how many were made."""
    return int(await connection.fetchval(load("schema")["ensure_partitions"].text, around))
