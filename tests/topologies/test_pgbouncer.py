"""Installations behind PgBouncer in transaction mode."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.conftest import TestDatabase
from tests.topologies import pgbouncer

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
    with pgbouncer.running(home, direct) as pooled:
        assert await notifications(await Database.connect(pooled, direct_url=direct)) == []
        with pytest.raises(DatabaseUnavailable, match="reached a pooler") as refused:
            await notifications(await Database.connect(pooled))
        assert "DATABASE_DIRECT_URL" in str(refused.value.hint)
    with pgbouncer.running(home, direct, ignored=("lock_timeout", "plan_cache_mode", "synchronous_commit")) as pooled:
        assert await notifications(await Database.connect(pooled)) == ["notifications do not arrive"]


@pytest.mark.soak(minutes=15)
def test_end_to_end_suite() -> None:
    """All end-to-end tests pass on an installation behind a pooler."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not soak and not screenshots", "--pgbouncer", "tests/e2e"]
    subprocess.run(command, cwd=REPOSITORY, check=True)
