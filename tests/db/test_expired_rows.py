"""Deletion of expired rows from tables that would otherwise grow indefinitely."""

from __future__ import annotations

from uuid import UUID

from orvanta_platform.db import runs
from orvanta_platform.db.pool import Database

KEYS = """
INSERT INTO idempotency (workspace, caller, path, key, run, created_at)
VALUES ('main', 'ann@example.com', '', $1, $2, app_now() - $3::text::interval)
"""


async def test_idempotency_keys_expire_after_a_day(db: Database) -> None:
    async with db.acquire() as connection:
        for age in ("1 minute", "23 hours", "26 hours", "9 days"):
            await connection.execute(KEYS, age, UUID(int=7), age)
        await runs.delete_expired_idempotency_keys(connection)
        left = [row["key"] for row in await connection.fetch("SELECT key FROM idempotency ORDER BY created_at")]
    assert left == ["23 hours", "1 minute"]
