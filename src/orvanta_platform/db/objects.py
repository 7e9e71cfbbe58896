"""Objects in storage as the database knows them."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load
from orvanta_platform.ids import as_derived


async def unnamed(connection: Connection, owners: Mapping[str, UUID]) -> list[str]:
    """Which of these keys no row names; each key with the run or job it belongs to."""
    ids = list(owners.values())
    rows = await connection.fetch(
        load("objects")["unnamed_objects"].text, list(owners), ids, [as_derived(id) for id in ids]
    )
    return [row["key"] for row in rows]
