"""Database references to objects in storage."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts
from orvanta_platform.ids import as_derived

_SQL = query_texts("objects")


async def filter_unreferenced(connection: Connection, owners: Mapping[str, UUID]) -> list[str]:
    """Return those of these keys that no row references; `owners` maps each key to its run or job."""
    ids = list(owners.values())
    rows = await connection.fetch(_SQL["filter_unreferenced"], list(owners), ids, [as_derived(id) for id in ids])
    return [row["key"] for row in rows]
