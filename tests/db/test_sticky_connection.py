"""A sticky connection: used for many statements, released when idle, replaced when broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.conftest import TestDatabase

from orvanta_platform.db import sticky_connection
from orvanta_platform.db.pool import CONNECTION_LOST, Database
from orvanta_platform.db.sticky_connection import StickyConnection

PID = "SELECT pg_backend_pid()"


@pytest.fixture
async def pool(database: TestDatabase) -> AsyncIterator[Database]:
    made = await Database.connect(database.app_url, max_size=1)
    yield made
    await made.close()


async def test_statements_reuse_connection(pool: Database) -> None:
    one = StickyConnection(pool)
    pids = set()
    for _ in range(3):
        async with one as connection:
            pids.add(await connection.fetchval(PID))
    await one.close()
    assert len(pids) == 1
    async with pool.acquire() as connection:  # the pool's only connection is available, so it was released
        assert await connection.fetchval(PID) in pids


async def test_broken_connection_is_replaced(pool: Database) -> None:
    one = StickyConnection(pool)
    async with one as connection:
        first = await connection.fetchval(PID)
        connection.terminate()
    with pytest.raises(CONNECTION_LOST):
        await _ask(one)
    async with one as connection:
        assert await connection.fetchval(PID) != first
    await one.close()


async def test_idle_connection_is_released_to_waiters(pool: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sticky_connection, "REST_S", 0.01)
    one = StickyConnection(pool)
    async with one as connection:
        pid = await connection.fetchval(PID)
        other = asyncio.create_task(_pid(pool))
        await connection.fetchval("SELECT pg_sleep(0.05)")  # longer than the idle limit: a connection in use is kept
        assert not other.done()
    assert await other == pid
    async with one as connection:
        assert await connection.fetchval(PID) == pid
    await one.close()


async def _ask(one: StickyConnection) -> None:
    async with one as connection:
        await connection.fetchval(PID)


async def _pid(pool: Database) -> int:
    async with pool.acquire() as connection:
        return int(await connection.fetchval(PID))
