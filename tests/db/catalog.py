"""The structure of a database, read from its system catalogs (catalog.sql)."""

from __future__ import annotations

import re
from pathlib import Path

from orvanta_platform.db.pool import Connection

_TEXT = Path(__file__).with_name("catalog.sql").read_text()
_QUERIES = dict(re.findall(r"^-- kind: (\w+)\n(.*?);$", _TEXT, re.MULTILINE | re.DOTALL))


async def describe(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Return all objects of the database by kind."""
    found = {}
    for kind, query in _QUERIES.items():
        rows = await connection.fetch(query)
        found[kind] = [tuple(tuple(sorted(v)) if isinstance(v, list) else v for v in row) for row in rows]
    return found
