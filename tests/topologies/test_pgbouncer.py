"""Installations behind PgBouncer in transaction mode."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import asyncpg
import httpx
import pytest
from structlog.testing import capture_logs
from tests.conftest import TestDatabase
from tests.installation import PATIENCE_S
from tests.topologies import load, pgbouncer
from tests.topologies.separate import Installation

from orvanta_platform.db.notify import Listener
from orvanta_platform.db.pool import Database
from orvanta_platform.errors import DatabaseUnavailable

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(pgbouncer.PROGRAM is None, reason="pgbouncer is not installed"),
]

REPOSITORY = Path(__file__).parents[2]


async def notifications(database: Database) -> list[str]:
    """Return the warnings of a listener that starts on this database."""
    listener = Listener(database)
    with capture_logs() as logged:
        try:
            await listener.start()
        finally:
            await listener.close()
            await database.close()
    return [entry["event"] for entry in logged if entry["log_level"] == "warning"]


async def test_notifications_need_a_direct_connection(database: TestDatabase) -> None:
    home, direct = database.server.home, database.app_url
    with pgbouncer.running(home, direct) as pooler:
        assert await notifications(await Database.connect(pooler.url, direct_url=direct)) == []
        with pytest.raises(DatabaseUnavailable, match="reached a pooler") as refused:
            await notifications(await Database.connect(pooler.url))
        assert "DATABASE_DIRECT_URL" in str(refused.value.hint)
    with pgbouncer.running(home, direct, ignored=("lock_timeout", "plan_cache_mode", "synchronous_commit")) as pooler:
        assert await notifications(await Database.connect(pooler.url)) == ["notifications do not arrive"]


async def test_pooler_without_prepared_statements_is_named(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pgbouncer.running(database.server.home, database.app_url, prepared=0) as pooler:

        async def connect_as_new_processes() -> None:
            for _ in range(5):
                # Each process counts its statements from 0, and finds those of ended processes behind the pooler.
                monkeypatch.setattr(asyncpg.connection, "_uid", 0)
                await (await Database.connect(pooler.url)).close()

        with pytest.raises(DatabaseUnavailable, match="confuses prepared statements") as refused:
            await connect_as_new_processes()
        assert "max_prepared_statements" in str(refused.value.hint)


@pytest.mark.parametrize("runs", [pytest.param(2000, marks=pytest.mark.soak)])
async def test_pooler_is_killed_and_started_again(tmp_path: Path, database: TestDatabase, runs: int) -> None:
    """Runs continue without a restart of the server or worker."""
    with pgbouncer.running(database.server.home, database.app_url) as pooler:
        settings = {"DATABASE_DIRECT_URL": database.app_url}
        installation = Installation(tmp_path, pooler.url, database.owner_url, settings)
        with installation.running():
            installation.create_admin()
            installation.start_server()
            installation.start_worker()
            port = next(iter(installation.servers))
            installation.await_server(port)
            headers = {"Authorization": f"Bearer {installation.token}"}
            base = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=base, headers=headers, timeout=PATIENCE_S) as client:
                await load.deploy(client)
                calls = load.Calls(runs)
                calls.begin(client)
                for part in (1, 2):
                    await calls.until_accepted(part * runs // 3)
                    pooler.kill()
                    await asyncio.to_thread(pooler.start)
                await calls.finish()
                await calls.check(client, database.owner_url)
            installation.run("doctor", "--consistency")


@pytest.mark.soak(minutes=15)
def test_end_to_end_suite() -> None:
    """All end-to-end tests pass on an installation behind a pooler."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not soak and not screenshots", "--pgbouncer", "tests/e2e"]
    subprocess.run(command, cwd=REPOSITORY, check=True)
