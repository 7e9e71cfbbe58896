"""Workers are added and stopped, and random processes killed, while runs are executed.

`SCALE_SECONDS` (600) sets the duration of the long form, in which ten times six workers run instead of one.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import asyncpg
import httpx
import pytest
from tests import processes
from tests.conftest import TestDatabase
from tests.installation import PATIENCE_S
from tests.soak.faults import ROLES, roles_of
from tests.topologies import haproxy, load
from tests.topologies.separate import Installation

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(haproxy.PROGRAM is None, reason="haproxy is not installed"),
]

SECONDS = float(os.environ.get("SCALE_SECONDS", "600"))
PAUSE_S = 0.3
"""Time of each node in seconds: most kills and stops interrupt jobs."""

BURST_WORKERS, BURST_SLOTS = 4, 4
"""Maximum number of workers of the autoscaler, and the slots of each."""


@pytest.fixture
def installation(tmp_path: Path, database: TestDatabase) -> Iterator[Installation]:
    """Start two servers and a worker, whose jobs may be lost more often than by default."""
    made = Installation(tmp_path, database.app_url, database.owner_url, {"ORVANTA_MAX_LOSSES": "20"})
    with made.running():
        made.create_admin()
        made.start_server()
        made.start_server()
        made.start_worker()
        yield made


def kill_one(installation: Installation) -> str | None:
    """Send SIGKILL to a random process of a random role; return the role.

    Processes of scripts are not included: killing one is an ordinary failure of the script. A server is killed only
    while all of them are ready: without any, no run could start or end, however long the callers wait.
    """
    started = [*installation.servers.values(), *installation.workers]
    roles = roles_of(pid for each in started if each.poll() is None for pid in processes.descendants(each.pid))
    present = sorted(set(roles.values()))
    if "server" in present and not all(map(installation.is_ready, installation.servers)):
        present.remove("server")
    if not present:
        return None
    role = random.choices(present, [ROLES[each] for each in present])[0]
    with suppress(ProcessLookupError):
        os.kill(random.choice([pid for pid, each in roles.items() if each == role]), signal.SIGKILL)
    return role


async def kill_until_stopped(installation: Installation, shortest_s: float, longest_s: float) -> Counter[str]:
    """Kill a process every few seconds until cancelled; start again what ended. Returns the number by role."""
    killed: Counter[str] = Counter()
    with suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(random.uniform(shortest_s, longest_s))
            if role := await asyncio.to_thread(kill_one, installation):
                killed[role] += 1
            await asyncio.sleep(random.uniform(shortest_s, longest_s))
            installation.start_dead()
    await asyncio.sleep(shortest_s)
    installation.start_dead()
    return killed


async def scale(installation: Installation, calls: load.Calls, most: int, seconds: float) -> None:
    """Run `most` workers for half of the time, then one; in each half, at least 20 runs are accepted."""
    for number in (most, 1):
        while len(installation.workers) < number:
            installation.start_worker()
        await asyncio.to_thread(installation.await_workers, number)
        stopped = installation.workers[number:]
        installation.workers = installation.workers[:number]
        for worker in stopped:
            worker.terminate()
        await asyncio.gather(asyncio.sleep(seconds / 2), calls.until_more(20))
        for worker in stopped:
            await asyncio.to_thread(worker.wait, PATIENCE_S)


@pytest.mark.parametrize(
    ("times", "most", "seconds"), [pytest.param(10, 6, SECONDS, marks=pytest.mark.soak(minutes=40))]
)
async def test_no_run_is_lost_or_doubled(
    installation: Installation, database: TestDatabase, times: int, most: int, seconds: float
) -> None:
    with haproxy.running([*installation.servers]) as url:
        headers = {"Authorization": f"Bearer {installation.token}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE_S) as client:
            await load.deploy(client, PAUSE_S)
            calls = load.Calls(waits=True)
            calls.begin(client)
            killer = asyncio.create_task(kill_until_stopped(installation, 0.5, 3))
            try:
                for _ in range(times):
                    await scale(installation, calls, most, seconds / times)
            finally:
                killer.cancel()
                killed = await killer
            calls.stop()
            await calls.finish()
            await calls.check(client, database.owner_url)
    connection = await asyncpg.connect(database.owner_url)
    losses = await connection.fetchval("SELECT coalesce(sum(losses), 0)::bigint FROM job")
    await connection.close()
    print(json.dumps({"times": times, "killed": dict(killed), "losses": losses}))
    assert seconds < 300 or (len(killed) >= 5 and losses > 0)
    installation.run("doctor", "--consistency")


@dataclass(slots=True)
class Autoscaler:
    """A program that lets the number of workers follow the demand, as KEDA does."""

    installation: Installation
    client: httpx.AsyncClient
    rows: list[tuple[float, int, int]] = field(default_factory=list)
    """Seconds, demand and number of workers at each check."""
    stopped: list[subprocess.Popen[bytes]] = field(default_factory=list)

    async def follow(self) -> None:
        """Start and stop workers until the demand, which has risen, is zero again."""
        began = monotonic()
        while not self.rows or self.rows[-1][1] or not max(demand for _, demand, _ in self.rows):
            answer = await self.client.get("/api/workers/demand", params={"slots": BURST_SLOTS})
            demand = answer.raise_for_status().json()["desired_workers"]
            self._set_workers(min(demand, BURST_WORKERS))
            self.rows.append((round(monotonic() - began, 1), demand, len(self.installation.workers)))
            await asyncio.sleep(1)

    def _set_workers(self, number: int) -> None:
        workers = self.installation.workers
        while len(workers) < number:
            self.installation.start_worker()
        while len(workers) > number:
            worker = workers.pop()
            worker.terminate()
            self.stopped.append(worker)


@pytest.mark.parametrize("runs", [pytest.param(400, marks=pytest.mark.soak)])
async def test_workers_follow_a_burst(tmp_path: Path, database: TestDatabase, runs: int) -> None:
    """From no worker to the most and back; those that are removed return or finish their jobs."""
    settings = {"ORVANTA_SLOTS": str(BURST_SLOTS)}
    installation = Installation(tmp_path, database.app_url, database.owner_url, settings)
    with installation.running():
        installation.create_admin()
        installation.start_server()
        port = next(iter(installation.servers))
        installation.await_server(port)
        headers = {"Authorization": f"Bearer {installation.token}"}
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=PATIENCE_S
        ) as client:
            await load.deploy(client, PAUSE_S)
            calls = load.Calls(runs)
            calls.begin(client)
            autoscaler = Autoscaler(installation, client)
            await autoscaler.follow()
            await calls.finish()
            await calls.check(client, database.owner_url)
        for worker in autoscaler.stopped:
            assert await asyncio.to_thread(worker.wait, PATIENCE_S) == 0
        print(json.dumps(autoscaler.rows))
        numbers = [workers for _, _, workers in autoscaler.rows]
        assert max(numbers) == BURST_WORKERS and numbers[-1] == 0
        installation.run("doctor", "--consistency")
    connection = await asyncpg.connect(database.owner_url)
    assert await connection.fetchval("SELECT coalesce(sum(losses), 0)::bigint FROM job") == 0
    await connection.close()
