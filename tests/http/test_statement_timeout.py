"""Statement timeout: no call occupies a database connection longer than ORVANTA_STATEMENT_TIMEOUT_MS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import asyncpg
import pytest
from litestar.types import Scope
from tests.conftest import TestDatabase

from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.http import server
from orvanta_platform.http.errors import translate
from orvanta_platform.services.platform import Platform
from orvanta_platform.settings import Settings

LONG = "SELECT pg_sleep(600)"


@pytest.fixture
async def limited(database: TestDatabase, tmp_path: Path) -> Database:
    return await Database.connect(database.app_url, statement_timeout_ms=200)


async def test_slow_statement_is_cancelled_and_not_retried(limited: Database) -> None:
    tries = 0

    async def work(conn: Connection) -> None:
        nonlocal tries
        tries += 1
        await conn.execute(LONG)

    try:
        with pytest.raises(asyncpg.QueryCanceledError) as raised:
            await limited.retrying(work)
        async with limited.acquire() as conn:
            with pytest.raises(asyncpg.QueryCanceledError):
                await conn.execute(LONG)
            assert await conn.fetchval("SELECT 1") == 1, "the connection is good again"
    finally:
        await limited.close()
    assert tries == 1
    error = translate(raised.value, cast(Scope, {"path": "/api/w/main/jobs/list"}))
    assert (error.code, error.status) == ("query_timeout", 503)


def test_server_limits_its_statements(database: TestDatabase, tmp_path: Path) -> None:
    shown = []

    @asynccontextmanager
    async def look(platform: Platform) -> AsyncIterator[None]:
        async with platform.db.acquire() as conn:
            shown.append(await conn.fetchval("SHOW statement_timeout"))
        raise InterruptedError
        yield

    settings = Settings(home=tmp_path, database_url=database.app_url, port=0, statement_timeout_ms=77_000)
    with pytest.raises(InterruptedError):
        server.serve(settings, background=look)
    assert shown == ["77s"]
