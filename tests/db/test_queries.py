"""Every named query is described and fits the schema."""

from __future__ import annotations

import pytest

from orvanta_platform.db.pool import Database
from orvanta_platform.db.queries import load, nouns

OWNERS_ALONE = {"schema"}
"""Statements of migrations, which the application's role may not prepare."""


@pytest.mark.parametrize("noun", nouns())
async def test_every_query_prepares(db: Database, noun: str) -> None:
    async with db.acquire() as connection:
        for query in load(noun).values():
            assert query.description.endswith((".", ")")), query.name
            if noun not in OWNERS_ALONE:
                await connection.prepare(query.text)
