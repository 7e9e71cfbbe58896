"""State of the database that the application learns through functions of the owner."""

from __future__ import annotations

import asyncpg
from tests.conftest import TestDatabase

from orvanta_platform.db import metrics


async def test_forgotten_transaction_of_another_role_is_seen(database: TestDatabase) -> None:
    app, owner = await asyncpg.connect(database.app_url), await asyncpg.connect(database.owner_url)
    try:
        async with owner.transaction(isolation="repeatable_read"):
            await owner.fetchval("SELECT 1")
            assert (await metrics.get_database_figures(app)).oldest_xmin_s > 0
    finally:
        await app.close()
        await owner.close()
