"""Promotion of a synchronous standby while runs are started and executed."""

from __future__ import annotations

import subprocess

import httpx
import pytest
from tests.installation import ORVANTA, PATIENCE_S, Running, running
from tests.topologies import load, replication
from tests.topologies.replication import Replication

from orvanta_platform.db.migrate import migrate


@pytest.mark.extended
@pytest.mark.parametrize("runs", [pytest.param(2000, marks=pytest.mark.soak)])
async def test_no_accepted_run_is_lost_or_doubled(runs: int) -> None:
    with replication.running() as servers:
        await migrate(servers.url("owner"), app_url=servers.url("app"))
        settings = {"DATABASE_URL": servers.url("app"), "ORVANTA_OWNER_URL": servers.url("owner")}
        with running("standby", settings) as house:
            await promote_under_load(house, servers, load.Calls(runs))
            check_data(house)


async def promote_under_load(house: Running, servers: Replication, calls: load.Calls) -> None:
    """Kill the primary after a third of the runs, promote the standby, and check the result of every run."""
    headers = {"Authorization": f"Bearer {house.token}"}
    async with httpx.AsyncClient(base_url=house.base, headers=headers, timeout=PATIENCE_S) as client:
        await load.deploy(client)
        calls.begin(client)
        await calls.until_accepted(calls.wanted // 3)
        servers.primary.kill()
        servers.promote()
        await calls.finish()
        await calls.check(client, servers.url("owner"))


def check_data(house: Running) -> None:
    """Check the data of the installation with `orvanta doctor --consistency`."""
    command = [str(ORVANTA), "doctor", "--consistency"]
    done = subprocess.run(command, env=house.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
