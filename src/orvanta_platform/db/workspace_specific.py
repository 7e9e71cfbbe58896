"""Variables and resources whose values are meant for one workspace only."""

from __future__ import annotations

from typing import Final

from orvanta_platform.db.items import Filter
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL: Final = {kind: query_texts(f"{kind}s")["list_workspace_specific"] for kind in ("variable", "resource")}


async def list_paths(conn: Connection, workspace: str, kind: str, who: Filter) -> list[str]:
    """Return the paths of those of a kind (variable or resource) that `who` may read, in order."""
    rows = await conn.fetch(_SQL[kind], workspace, who.everything, who.patterns, who.principals, who.scope)
    return [row["path"] for row in rows]
