"""Objects in storage as the database knows them."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


async def unnamed(connection: Connection, owners: Mapping[str, UUID]) -> list[str]:
    """Which of these keys no row names; each key with the run or job it belongs to."""
    rows = await connection.fetch(load("objects")["unnamed_objects"].text, list(owners), list(owners.values()))
    return [row["key"] for row in rows]
