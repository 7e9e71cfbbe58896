"""Promotion of a standby while runs are started and executed."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
from tests.installation import ORVANTA, PATIENCE_S, Running, running
from tests.polling import POLL_S
from tests.topologies import load, replication
from tests.topologies.replication import Replication

from orvanta_platform.db.migrate import migrate

pytestmark = pytest.mark.extended

UNLINKED = "SELECT count(*) FROM audit a WHERE NOT EXISTS (SELECT FROM audit_link l WHERE l.audit = a.id)"
REPLAYED = "SELECT pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn()"


@contextmanager
def platform(servers: Replication) -> Iterator[Running]:
    """Run an installation on the database of these servers."""
    with running("standby", addresses(servers)) as house:
        yield house


@pytest.mark.parametrize("runs", [pytest.param(2000, marks=pytest.mark.soak)])
async def test_no_accepted_run_is_lost_or_doubled(runs: int) -> None:
    with replication.running() as servers:
        await migrate(servers.url("owner"), app_url=servers.url("app"))
        with platform(servers) as house:
            calls = load.Calls(runs)
            async with client_of(house) as client:
                await load.deploy(client)
                calls.begin(client)
                await calls.until_accepted(runs // 3)
                assert "synchronous; its promotion loses nothing" in doctor(house.environ)
                servers.primary.kill()
                servers.promote()
                await calls.finish()
                await calls.check(client, servers.url("owner"))
            doctor(house.environ, "--consistency")


@pytest.mark.parametrize(
    ("runs", "interrupted"),
    [
        pytest.param(60, 10, id="short"),
        pytest.param(2000, 50, id="interrupted line", marks=pytest.mark.soak),
        pytest.param(2000, 0, id="ordinary delay", marks=pytest.mark.soak),
    ],
)
async def test_asynchronous_standby_lacks_only_what_it_has_not_received(runs: int, interrupted: int) -> None:
    """The doctor names the loss before. The other runs end with their results, and nothing is restarted.

    `interrupted`: number of accepted runs that the standby lacks at least.
    """
    with replication.running(synchronous=False) as servers:
        await migrate(servers.url("owner"), app_url=servers.url("app"))
        with platform(servers) as house:
            calls = load.Calls(runs)
            async with client_of(house) as client:
                await load.deploy(client)
                calls.begin(client)
                await calls.until_accepted(runs // 3)
                if interrupted:
                    servers.interrupt()
                    await until_missing(calls, servers.standby_url(), interrupted)
                    assert "Its promotion loses the transactions" in doctor(house.environ)
                servers.primary.kill()
                await until_replayed(servers.standby_url())
                received = await load.stored(servers.standby_url())
                servers.promote()
                await calls.finish()
                lost = calls.accepted.keys() - await load.stored(servers.url("owner"))
                assert lost.isdisjoint(received) and len(lost) >= interrupted
                await calls.forget_lost(client, lost)
                await calls.check(client, servers.url("owner"))
                print(f"{len(lost)} runs lost")
                await load.deploy(client, path="f/topologies/after")
                await until_linked(servers.url("owner"))
            doctor(house.environ, "--consistency")


async def test_doctor_names_what_a_promotion_loses(tmp_path: Path) -> None:
    with replication.running() as servers:
        await migrate(servers.url("owner"), app_url=servers.url("app"))
        environ = {"PATH": os.environ["PATH"], "ORVANTA_HOME": str(tmp_path), **addresses(servers)}
        assert ": synchronous; its promotion loses nothing" in doctor(environ)
        connection = await asyncpg.connect(servers.url("app"))
        await connection.execute("ALTER ROLE orvanta_app SET synchronous_commit = local")
        await connection.close()
        found = doctor(environ)
        assert ": asynchronous, " in found and "Set synchronous_standby_names" in found


def addresses(servers: Replication) -> dict[str, str]:
    """Return the settings for the database of these servers."""
    return {"DATABASE_URL": servers.url("app"), "ORVANTA_OWNER_URL": servers.url("owner")}


def client_of(house: Running) -> httpx.AsyncClient:
    """Return a client with the token of the administrator."""
    headers = {"Authorization": f"Bearer {house.token}"}
    return httpx.AsyncClient(base_url=house.base, headers=headers, timeout=PATIENCE_S)


def doctor(environ: dict[str, str], *options: str) -> str:
    """Check that `orvanta doctor` succeeds, and return its report."""
    command = [str(ORVANTA), "doctor", *options]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def until_missing(calls: load.Calls, standby: str, number: int) -> None:
    """Wait until a standby that receives nothing lacks this number of accepted runs.

    Calls under way when the line is interrupted do not count: their runs may have been received.
    """
    async with asyncio.timeout(PATIENCE_S):
        await until_replayed(standby)
        while len(calls.accepted.keys() - await load.stored(standby)) < number:
            await asyncio.sleep(POLL_S)


async def until_replayed(url: str) -> None:
    """Wait until a standby has applied all that it has received."""
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await connection.fetchval(REPLAYED):
                await asyncio.sleep(POLL_S)
    finally:
        await connection.close()


async def until_linked(url: str) -> None:
    """Wait until the chain of the audit trail has all its rows."""
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while await connection.fetchval(UNLINKED):
                await asyncio.sleep(POLL_S)
    finally:
        await connection.close()
