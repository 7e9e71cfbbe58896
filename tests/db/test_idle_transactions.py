"""Locks of a process that is frozen in the middle of a transaction."""

from __future__ import annotations

import asyncio

import asyncpg
from tests.conftest import TestDatabase
from tests.polling import POLL_S

from orvanta_platform.db.pool import Connection, Database

LOCK = "SELECT name FROM leader WHERE name = 'test' FOR UPDATE NOWAIT"


async def until_locked(owner_url: str) -> None:
    """Lock the row in another session, as soon as nobody else has locked it."""
    connection = await asyncpg.connect(owner_url)
    try:
        while True:
            try:
                assert await connection.fetchval(LOCK) == "test"
                return
            except asyncpg.LockNotAvailableError:
                await asyncio.sleep(POLL_S)
    finally:
        await connection.close()


async def test_locks_of_a_frozen_process_end_and_its_work_is_repeated(database: TestDatabase) -> None:
    db = await Database.connect(database.app_url, idle_transaction_timeout_ms=100)
    attempts = 0

    async def work(connection: Connection) -> int:
        nonlocal attempts
        attempts += 1
        await connection.execute("SELECT FROM leader WHERE name = 'test' FOR UPDATE")
        if attempts == 1:
            await until_locked(database.owner_url)
        found: int = await connection.fetchval("SELECT 1")
        return found

    try:
        async with db.transaction() as connection:
            await connection.execute(
                "INSERT INTO leader (name, holder, term, beat) VALUES ('test', gen_random_uuid(), 1, 0)"
            )
        assert await db.retrying(work) == 1
    finally:
        await db.close()
    assert attempts == 2


async def test_other_pools_have_no_limit(database: TestDatabase) -> None:
    db = await Database.connect(database.app_url)
    try:
        async with db.acquire() as connection:
            assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "0"
    finally:
        await db.close()
