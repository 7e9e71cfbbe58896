"""Promotion of a synchronous standby while runs are started and executed."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import httpx
import pytest
from tests.installation import ORVANTA, PATIENCE_S, Running, running
from tests.polling import POLL_S
from tests.topologies import replication
from tests.topologies.replication import Replication

from orvanta_platform.db.migrate import migrate

W = "/api/w/main"
PATH = "f/standby/double"
CALLERS = 20
CODE = "def main(n: int) -> int:\n    return 2 * n\n"
NODE = {"type": "rawscript", "language": "python3", "content": CODE}
FLOW = {
    "modules": [
        {"id": "first", "value": {**NODE, "input_transforms": {"n": {"type": "javascript", "expr": "flow_input.n"}}}},
        {"id": "second", "value": {**NODE, "input_transforms": {"n": {"type": "javascript", "expr": "results.first"}}}},
    ]
}


@dataclass
class Calls:
    """Runs whose ids were returned, by id, with their argument; the times of the responses in seconds."""

    wanted: int
    accepted: dict[str, int] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)

    async def start_runs(self, client: httpx.AsyncClient) -> None:
        """Start runs until enough are accepted; a call that fails is repeated as a new one."""
        while len(self.accepted) < self.wanted:
            n = len(self.accepted)
            try:
                answer = await client.post(f"{W}/jobs/run/f/{PATH}", json={"n": n})
            except httpx.TransportError:
                continue
            if answer.status_code == 201:
                self.accepted[answer.text] = n
                self.times.append(monotonic())
            else:
                assert answer.status_code == 503, answer.text
                await asyncio.sleep(POLL_S)

    async def reach(self, count: int) -> None:
        """Wait until `count` runs are accepted."""
        while len(self.accepted) < count:
            await asyncio.sleep(POLL_S)

    def longest_gap(self) -> float:
        """Return the longest time without an accepted run, in seconds."""
        return max(later - earlier for earlier, later in zip(self.times, self.times[1:], strict=False))


@pytest.mark.extended
@pytest.mark.parametrize("runs", [200, pytest.param(2000, marks=pytest.mark.soak)])
async def test_no_accepted_run_is_lost(runs: int) -> None:
    with replication.running() as servers:
        await migrate(servers.url("owner"), app_url=servers.url("app"))
        settings = {"DATABASE_URL": servers.url("app"), "ORVANTA_OWNER_URL": servers.url("owner")}
        with running("standby", settings) as house:
            await promote_under_load(house, servers, Calls(runs))
            check_data(house)


def check_data(house: Running) -> None:
    """Check the data of the installation with `orvanta doctor --consistency`."""
    command = [str(ORVANTA), "doctor", "--consistency"]
    done = subprocess.run(command, env=house.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


async def promote_under_load(house: Running, servers: Replication, calls: Calls) -> None:
    """Kill the primary after a third of the runs, promote the standby, and check the result of every run."""
    headers = {"Authorization": f"Bearer {house.token}"}
    async with httpx.AsyncClient(base_url=house.base, headers=headers, timeout=PATIENCE_S) as client:
        made = await client.post(f"{W}/flows/create", json={"path": PATH, "summary": "", "value": FLOW})
        assert made.status_code == 201, made.text
        callers = [asyncio.create_task(calls.start_runs(client)) for _ in range(CALLERS)]
        await calls.reach(calls.wanted // 3)
        servers.primary.kill()
        servers.promote()
        await asyncio.gather(*callers)
        for run, n in calls.accepted.items():
            assert await result(client, run) == 4 * n, run
    # Shown by make soak, which quotes it.
    print(f"{len(calls.accepted)} runs, longest time without an accepted run {calls.longest_gap():.1f} s")


async def result(client: httpx.AsyncClient, run: str) -> Any:
    """Return the result of a run that has been accepted, when it has ended."""
    deadline = monotonic() + PATIENCE_S
    while True:
        answer = await client.get(f"{W}/jobs_u/completed/get_result_maybe/{run}", params={"timeout": 1})
        if answer.status_code == 200 and answer.json()["completed"]:
            assert answer.json()["success"], answer.text
            return answer.json()["result"]
        assert monotonic() < deadline, answer.text
        await asyncio.sleep(POLL_S)
