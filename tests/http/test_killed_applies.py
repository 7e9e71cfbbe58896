"""Processes that are killed while they apply a change set or deploy a release: it is stored as a whole or not, and data
is consistent.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL

import msgspec
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, api_harness
from tests.http.killed_apply import ACTOR, Attempt, items_of
from tests.http.killed_deployment import Deployments
from tests.processes import with_parent

from orvanta_platform.services.changes import change_sets
from orvanta_platform.services.maintenance import consistency

ROOT = Path(__file__).parents[2]
NAME = "killed_apply"
SEED = int(os.environ.get("KILL_SEED", "20"))


class Killer:
    """Applies change sets in processes that are killed, and checks the items after each."""

    def __init__(self, api: ApiHarness, program: subprocess.Popen[str]) -> None:
        self._api = api
        self._program = program
        self.number = 0
        self.stored: list[int] = []
        """Numbers of the change sets or releases that are stored."""

    async def apply(self, *, statement: int = -1, milliseconds: int = -1) -> str:
        """Apply the next change set. Return whether its process was killed, applied it or failed."""
        self.number += 1
        outcome = await self._run(Attempt(self.number, statement, milliseconds))
        await self._check(outcome)
        return outcome

    async def _run(self, attempt: Attempt) -> str:
        assert self._program.stdin is not None and self._program.stdout is not None
        self._program.stdin.write(f"{msgspec.json.encode(attempt).decode()}\n")
        self._program.stdin.flush()
        outcome = (await asyncio.to_thread(self._program.stdout.readline)).strip()
        await self._wait_for_connections()
        return outcome

    async def _wait_for_connections(self) -> None:
        """Wait until the server has ended the connections of the killed process, which may still commit."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1"
        async with self._api.platform.db.acquire() as conn:
            while await conn.fetchval(query, NAME):
                await asyncio.sleep(0.01)

    async def _check(self, outcome: str) -> None:
        keys = [each.key for each in items_of(self.number)]
        found = await change_sets.read_items(self._api.platform, ACTOR, "main", keys)
        last = self.stored[-1] if self.stored else None
        if ("variable", f"f/many/new_{self.number}") in found:
            last = self.number
            self.stored.append(last)
        assert outcome != "applied" or last == self.number
        texts = {key: str(each.content) for key, each in found.items()}
        assert len(found) == (0 if last is None else len(keys) - (last != self.number)), (self.number, sorted(found))
        assert all(f"{last}" in text for text in texts.values()), (self.number, last, texts)


class DeploymentKiller(Killer):
    """Deploys releases in processes that are killed, and checks all rows of the deployment after each.

    A request whose process was killed is applied again: it is not changed by that.
    """

    def __init__(self, api: ApiHarness, program: subprocess.Popen[str]) -> None:
        super().__init__(api, program)
        self._deployments = Deployments(api)
        self._request = 0
        self._plan_hash = ""

    async def apply(self, *, statement: int = -1, milliseconds: int = -1) -> str:
        """Apply the request for the newest release. Return whether its process was killed, applied it or failed."""
        if len(self.stored) == self.number:
            self.number += 1
            self._request, self._plan_hash = await self._deployments.request(self.number)
        token = self._api.client.headers["Authorization"].removeprefix("Bearer ")
        attempt = Attempt(self.number, statement, milliseconds, self._request, self._plan_hash, token)
        outcome = await self._run(attempt)
        if await self._deployments.is_deployed(self.number, self._request):
            self.stored.append(self.number)
        assert outcome != "applied" or self.stored[-1] == self.number
        return outcome


class CheckKiller(Killer):
    """Performs failing checks of release 2, and the rollback that follows, in processes that are killed."""

    def __init__(self, api: ApiHarness, program: subprocess.Popen[str]) -> None:
        super().__init__(api, program)
        self._deployments = Deployments(api)

    async def prepare(self) -> None:
        """Deploy both releases; the smoke run of the second one fails."""
        await self._deployments.deploy(1)
        await self._deployments.require_checks()
        await self._deployments.deploy(2)
        await self._deployments.fail_smoke_run()

    async def apply(self, *, statement: int = -1, milliseconds: int = -1) -> str:
        """Perform what is due. Return whether its process was killed, completed it ("applied") or failed."""
        await self._deployments.make_due()
        outcome = await self._run(Attempt(2, statement, milliseconds, checks=True))
        assert await self._deployments.count_rollbacks() == (outcome == "applied")
        return outcome


class SmokeRunKiller(Killer):
    """Starts the smoke run of release 2 in processes that are killed, and lets it end without them."""

    def __init__(self, api: ApiHarness, program: subprocess.Popen[str]) -> None:
        super().__init__(api, program)
        self._deployments = Deployments(api)

    async def prepare(self) -> None:
        """Deploy both releases; the second one waits for its smoke run."""
        await self._deployments.deploy(1)
        await self._deployments.require_checks()
        await self._deployments.deploy(2)

    async def apply(self, *, statement: int = -1, milliseconds: int = -1) -> str:
        """Start the smoke run. Return whether the process was killed, started it ("applied") or failed."""
        await self._deployments.make_due()
        outcome = await self._run(Attempt(2, statement, milliseconds, checks=True, once=True))
        state = await self._deployments.state_of_smoke_run()
        assert state == "running" if outcome == "applied" else state in ("waiting", "running"), (outcome, state)
        return outcome

    async def end(self) -> str:
        """Let the smoke run succeed; return the state of the checks."""
        await self._deployments.end_smoke_run()
        return await self._deployments.get_check_state()


@pytest.fixture
async def killer(database: TestDatabase, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Killer]:
    async with api_harness(database, tmp_path) as api:
        with running(database, tmp_path) as program:
            yield request.param(api, program)
        assert await consistency.check(api.platform.db) == []


@contextmanager
def running(database: TestDatabase, home: Path) -> Iterator[subprocess.Popen[str]]:
    url = f"{database.app_url}{'&' if '?' in database.app_url else '?'}application_name={NAME}"
    command = [sys.executable, "-m", "tests.http.killed_apply", url, str(home)]
    pipe = subprocess.PIPE
    died = with_parent(SIGKILL)
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, preexec_fn=died) as program:
        try:
            assert program.stdout is not None and program.stdout.readline() == "ready\n"
            yield program
        finally:
            program.kill()


async def kill(killer: Killer, every: int, random_kills: int) -> tuple[int, int]:
    """Kill before every n-th statement, and at random times. Return the numbers of kills and of stored change sets."""
    chance = random.Random(SEED)
    began = time.perf_counter()
    assert await killer.apply() == "applied"
    longest = round(1000 * (time.perf_counter() - began))
    outcomes: list[str] = []
    while not outcomes or outcomes[-1] == "killed":
        outcomes.append(await killer.apply(statement=len(outcomes) * every))
    assert outcomes[-1] == "applied" and len(outcomes) * every > 40
    outcomes += [await killer.apply(milliseconds=chance.randrange(longest)) for _ in range(random_kills)]
    assert "failed" not in outcomes
    return outcomes.count("killed"), len(killer.stored)


@pytest.mark.extended
@pytest.mark.parametrize("killer", [DeploymentKiller], indirect=True)
async def test_killed_processes_apply_everything_or_nothing(killer: Killer) -> None:
    killed, stored = await kill(killer, every=25, random_kills=4)
    assert killed >= 3 and stored >= 2


@pytest.mark.soak(minutes=20)
@pytest.mark.parametrize("killer", [Killer, DeploymentKiller], indirect=True)
async def test_processes_killed_at_each_statement_and_50_random_times(
    killer: Killer, record_property: Callable[[str, object], None]
) -> None:
    killed, stored = await kill(killer, every=1, random_kills=50)
    record_property("killed", killed)
    record_property("stored", stored)
    print({"killed": killed, "stored": stored, "applied": killer.number})


async def kill_checks(killer: Killer, every: int) -> list[str]:
    """Kill before every n-th statement, until a process completes the checks and the rollback."""
    assert isinstance(killer, CheckKiller)
    await killer.prepare()
    outcomes: list[str] = []
    while not outcomes or outcomes[-1] == "killed":
        outcomes.append(await killer.apply(statement=len(outcomes) * every))
    assert await killer.apply() == outcomes[-1] == "applied"
    return outcomes


@pytest.mark.extended
@pytest.mark.parametrize("killer", [CheckKiller], indirect=True)
async def test_checks_of_killed_servers_are_completed_with_one_rollback(killer: Killer) -> None:
    assert len(await kill_checks(killer, every=12)) > 3


@pytest.mark.extended
@pytest.mark.parametrize("killer", [SmokeRunKiller], indirect=True)
async def test_smoke_run_is_started_once_by_killed_servers(killer: Killer) -> None:
    """Servers are killed at each statement of the start. The one that starts it ends as well, and the checks pass."""
    assert isinstance(killer, SmokeRunKiller)
    await killer.prepare()
    outcomes: list[str] = []
    while not outcomes or outcomes[-1] == "killed":
        outcomes.append(await killer.apply(statement=len(outcomes)))
    assert outcomes[-1] == "applied" and len(outcomes) > 3
    assert await killer.end() == "passed"


@pytest.mark.soak(minutes=5)
@pytest.mark.parametrize("killer", [CheckKiller], indirect=True)
async def test_servers_killed_at_each_statement_of_checks_and_rollback(killer: Killer) -> None:
    print({"killed": len(await kill_checks(killer, every=1)) - 1})
