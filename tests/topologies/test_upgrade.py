"""A rolling upgrade: servers and workers of an earlier commit and of this one share a database under load."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
from tests.conftest import TestDatabase
from tests.installation import ORVANTA, PATIENCE_S
from tests.topologies import earlier, haproxy, load
from tests.topologies.load import W
from tests.topologies.separate import Installation

COMMIT = earlier.find_commit()

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(haproxy.PROGRAM is None, reason="haproxy is not installed"),
    pytest.mark.skipif(COMMIT is None, reason="the history of the repository is missing"),
]

Phase = tuple[str, str, int]
"""Version and kind of the processes that are started in place of others, and their number."""

SHORT: tuple[Phase, ...] = (("new", "servers", 1), ("new", "workers", 1))
WHOLE: tuple[Phase, ...] = (
    ("new", "servers", 2),
    ("new", "workers", 2),
    ("old", "servers", 2),
    ("old", "workers", 2),
    ("new", "workers", 2),
    ("new", "servers", 2),
)
PAUSE_S = 0.1
TICK = {
    "path": "f/topologies/tick",
    "schedule": "* * * * * *",
    "timezone": "UTC",
    "script_path": "f/topologies/tick",
    "is_flow": False,
    "args": {},
    "enabled": True,
    "missed": "all",
}
TICKS = """
SELECT count(*) AS ticks, count(DISTINCT t.run) AS runs,
       extract(epoch FROM max(t.tick_at) - min(t.tick_at))::integer + 1 AS seconds,
       (SELECT count(*) FROM run r WHERE r.path = 'f/topologies/tick') AS started
FROM schedule_tick t
"""


@pytest.fixture
def old() -> Iterator[Path]:
    """Yield the command `orvanta` of the earlier commit."""
    assert COMMIT is not None
    with earlier.program(COMMIT) as program:
        yield program


@pytest.fixture
async def installation(tmp_path: Path, database: TestDatabase, old: Path) -> AsyncIterator[Installation]:
    """Start two servers and two workers of the earlier commit on a database of their own."""
    owner = await asyncpg.connect(database.owner_url)
    name = f"{database.name}_old"
    await owner.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    made = Installation(tmp_path, database.server.url("app", name), database.server.url("owner", name))
    try:
        with made.running():
            made.create_admin(old)
            for _ in range(2):
                made.start_server(old)
                made.start_worker(old)
            yield made
    finally:
        await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await owner.close()


@asynccontextmanager
async def failing_migrations(url: str) -> AsyncIterator[None]:
    """Let the database refuse the last migration while the block runs."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("ALTER TABLE migration ADD CONSTRAINT refused CHECK (false) NOT VALID")
        yield
        await connection.execute("ALTER TABLE migration DROP CONSTRAINT refused")
    finally:
        await connection.close()


async def replace(made: Installation, phase: Phase, old: Path) -> None:
    """Replace servers or workers, one after the other."""
    version, kind, number = phase
    program = old if version == "old" else ORVANTA
    if kind == "servers":
        for port in list(made.servers)[:number]:
            await asyncio.to_thread(made.replace_server, port, program)
    else:
        for worker in list(made.workers)[:number]:
            await asyncio.to_thread(made.replace_worker, worker, program)


@pytest.mark.parametrize(
    ("phases", "runs", "callers"),
    [(SHORT, 5, 3), pytest.param(WHOLE, 200, load.CALLERS, marks=pytest.mark.soak(minutes=20))],
)
async def test_old_and_new_versions_share_a_database(
    installation: Installation, old: Path, phases: tuple[Phase, ...], runs: int, callers: int
) -> None:
    """Each phase continues until that number of runs was accepted in it."""
    owner_url = installation.environ["ORVANTA_OWNER_URL"]
    with haproxy.running([*installation.servers]) as url:
        headers = {"Authorization": f"Bearer {installation.token}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE_S) as client:
            await load.deploy(client, PAUSE_S)
            tick = {"path": "f/topologies/tick", "summary": "", "content": "echo 1", "language": "bash"}
            assert (await client.post(f"{W}/scripts/create", json=tick)).status_code == 201
            assert (await client.post(f"{W}/schedules/create", json=TICK)).status_code == 201
            calls = load.Calls(waits=True)
            calls.begin(client, callers)
            await calls.until_more(runs)
            refused = await asyncio.to_thread(installation.run, "server", succeeds=False)
            assert "Run `orvanta migrate`" in refused
            async with failing_migrations(owner_url):
                await asyncio.to_thread(installation.run, "migrate", succeeds=False)
                await calls.until_more(runs)
            assert "migrations applied" in await asyncio.to_thread(installation.run, "migrate")
            await calls.until_more(runs)
            for phase in phases:
                await replace(installation, phase, old)
                await calls.until_more(runs)
            calls.stop()
            await calls.finish()
            await calls.check(client, owner_url)
            await client.post(f"{W}/schedules/setenabled/f/topologies/tick", json={"enabled": False})
    connection = await asyncpg.connect(owner_url)
    try:
        counts = await connection.fetchrow(TICKS)
        assert counts is not None and len(set(counts)) == 1 and counts["ticks"] > len(phases), counts
    finally:
        await connection.close()
    installation.run("doctor", "--consistency")
