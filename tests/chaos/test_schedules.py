"""Many schedules whose leaders are killed, or stopped and resumed: no tick is lost, and none is taken twice."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.chaos.gate import PATIENCE_S
from tests.conftest import TestDatabase
from tests.http.harness import W, api_harness

from orvanta_platform.db import consistency

pytestmark = pytest.mark.extended

PROGRAM = Path(__file__).with_name("scheduler_process.py")
MANY = """
INSERT INTO schedule (id, workspace, path, cron, timezone, enabled, next_at, missed, script_path, is_flow,
                      permissioned_as, email, created_by, edited_by)
SELECT gen_random_uuid(), 'main', 'f/many/s' || n,
       CASE WHEN n <= 50 THEN '*/2 * * * * *' ELSE format('%s * * * * *', n % 60) END,
       'UTC', true, date_bin('1 minute', app_now(), '2020-01-01Z')
                    + make_interval(secs => CASE WHEN n <= 50 THEN n / 2 * 2 ELSE n % 60 END), 'all',
       'f/many/work', false, 'u/admin', 'admin@localhost', 'admin', 'admin'
FROM generate_series(1, $1::integer) n
"""
"""50 schedules that tick every 2 seconds, more often than the leader changes; the others tick each minute."""

FIRST = "SELECT id, next_at, CASE WHEN cron LIKE '*%' THEN 2 ELSE 60 END AS every FROM schedule"
WRONG = """
SELECT s.path, first.next_at, s.next_at, count(t.tick_at), count(DISTINCT t.run)
FROM schedule s JOIN first ON first.id = s.id
LEFT JOIN schedule_tick t ON t.schedule = s.id AND t.state = 'running'
     AND extract(epoch FROM t.tick_at - first.next_at)::integer % first.every = 0
GROUP BY s.id, s.path, first.next_at, s.next_at, first.every
HAVING count(t.tick_at) <> extract(epoch FROM s.next_at - first.next_at) / first.every
    OR count(DISTINCT t.run) <> count(t.tick_at)
"""
"""Schedules without exactly one run for each tick from their first up to the next."""

ODD_RUNS = """
SELECT count(*) FROM run_live r FULL JOIN schedule_tick t ON t.run = r.id
WHERE r.id IS NULL OR t.run IS NULL OR r.scheduled_at <> t.tick_at OR t.state <> 'running'
"""


@contextmanager
def schedulers(database: TestDatabase, home: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Yield a list for scheduler processes, which are killed at the end."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        yield started
    finally:
        for each in started:
            each.kill()
            each.wait()


def start(database: TestDatabase, home: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "DATABASE_URL": database.app_url, "ORVANTA_INSTANCE_KEY": "00" * 32}
    command = [sys.executable, str(PROGRAM), str(home)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


async def until(connection: asyncpg.Connection[Any], query: str, *values: Any) -> None:
    """Poll until the query returns true."""
    async with asyncio.timeout(4 * PATIENCE_S):
        while not await connection.fetchval(query, *values):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("many", [300, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_dying_leaders_neither_lose_nor_duplicate_ticks(
    database: TestDatabase, tmp_path: Path, many: int
) -> None:
    async with api_harness(database, tmp_path / "server") as made:
        code = {"path": "f/many/work", "summary": "", "content": "echo 1", "language": "bash"}
        assert (await made.client.post(f"{W}/scripts/create", json=code)).status_code == 201
    owner = await asyncpg.connect(database.owner_url)
    leading = "SELECT term >= $1 AND beat > 0 FROM leader"
    taken = "SELECT count(*) >= $1 FROM schedule_tick"
    try:
        await owner.execute(MANY, many)
        await owner.execute(f"CREATE TABLE first AS {FIRST}")
        with schedulers(database, tmp_path) as processes:
            processes += [start(database, tmp_path)]
            await until(owner, leading, 1)
            processes += [start(database, tmp_path)]
            await until(owner, taken, many // 10)
            processes[0].kill()
            await until(owner, leading, 2)
            processes += [start(database, tmp_path)]
            await until(owner, taken, many // 4)
            processes[1].send_signal(signal.SIGSTOP)
            await until(owner, leading, 3)
            processes[1].send_signal(signal.SIGCONT)
            await until(owner, taken, many // 2)
            await owner.execute("UPDATE leader SET term = term + 1")
            await until(owner, leading, 5)
            await until(owner, taken, many * 3 // 4)
        assert await owner.fetch(WRONG) == []
        assert await owner.fetchval(ODD_RUNS) == 0
        assert await consistency.find_violations(owner) == []
        assert await owner.fetchval("SELECT count(*) FROM schedule WHERE error IS NOT NULL") == 0
    finally:
        await owner.close()
