"""SIGKILL of PostgreSQL while a change set is applied or a release is deployed: it is stored as a whole or not, and
data is consistent.

Most transactions are repeated once the database runs again, so that the change set is stored in spite of the kill.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from httpx import HTTPStatusError
from tests.chaos.conftest import leaving_nothing
from tests.chaos.database import POLL_S, Database
from tests.chaos.gate import PATIENCE_S
from tests.folders import make_folder
from tests.http.harness import ApiHarness, client_of
from tests.http.interrupted_database import InterruptedDatabase
from tests.http.killed_apply import ACTOR, items_of
from tests.http.killed_deployment import Deployments
from tests.http.manual_worker import ManualWorker

from orvanta_platform.control import limits
from orvanta_platform.control.identity import actor_of
from orvanta_platform.control.names import token_hash
from orvanta_platform.db import tokens
from orvanta_platform.db.migrate import migrate
from orvanta_platform.db.pool import CANNOT_CONNECT
from orvanta_platform.errors import OrvantaError
from orvanta_platform.http.app import create_app
from orvanta_platform.services.access.setup import first_start
from orvanta_platform.services.changes import change_sets
from orvanta_platform.services.changes.change_sets import ChangeSet
from orvanta_platform.services.maintenance import consistency
from orvanta_platform.services.platform import Platform, open_platform
from orvanta_platform.services.releases import deployments
from orvanta_platform.settings import Settings
from orvanta_platform.workflow.tree.plan import Wanted

pytestmark = pytest.mark.soak(minutes=20)
SEED = int(os.environ.get("KILL_SEED", "20"))
RANDOM_KILLS = 50
INTERRUPTED: tuple[type[Exception], ...] = (*CANNOT_CONNECT, OrvantaError)
RETRIED: tuple[type[Exception], ...] = (*INTERRUPTED, HTTPStatusError)


Apply = Callable[[Platform], Awaitable[Any]]


class Killer:
    """Applies change sets while the database is killed, and checks the items after each."""

    def __init__(self, database: Database, api: ApiHarness) -> None:
        self._database = database
        self._api = api
        self.number = 0
        self.killed = 0
        self.took_ms = 0.0
        """Duration of the last attempt."""
        self.stored: list[int] = []
        """Numbers of the change sets or releases that are stored."""

    async def apply(self, *, statement: int = -1, milliseconds: float = -1) -> None:
        """Apply the next change set, and kill the database before a statement or after a time; -1: neither."""
        apply = await self._prepare()
        kills: list[float] = []

        def kill() -> None:
            if not kills:
                kills.append(time.monotonic())
                self._database.kill()

        platform = self._api.platform
        if statement >= 0:
            platform = replace(platform, db=InterruptedDatabase(platform.db, statement, kill))
        timer = threading.Timer(milliseconds / 1000, kill) if milliseconds >= 0 else None
        if timer is not None:
            timer.start()
        applied, began = False, time.perf_counter()
        with suppress(*INTERRUPTED):
            await apply(platform)
            applied = True
        self.took_ms = 1000 * (time.perf_counter() - began)
        if timer is not None:
            await asyncio.to_thread(timer.join)
        assert applied or kills
        self.killed += len(kills)
        await self._check(applied)

    async def _prepare(self) -> Apply:
        """Return the function that applies the next change set."""
        self.number += 1
        change = ChangeSet([Wanted(*each.key, None, each.content) for each in items_of(self.number)], force=True)
        made = await self._retried(lambda: change_sets.plan(self._api.platform, ACTOR, "main", change))
        return lambda platform: change_sets.apply(platform, ACTOR, "main", change, made.hash, None)

    async def _retried(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Return the outcome of a call, once the database accepts connections again."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    return await call()
                except RETRIED:
                    await asyncio.sleep(POLL_S)

    async def _check(self, applied: bool) -> None:
        keys = [each.key for each in items_of(self.number)]
        found = await self._retried(lambda: change_sets.read_items(self._api.platform, ACTOR, "main", keys))
        last = self.stored[-1] if self.stored else None
        if ("variable", f"f/many/new_{self.number}") in found:
            last = self.number
            self.stored.append(last)
        assert not applied or last == self.number
        texts = {key: str(each.content) for key, each in found.items()}
        assert len(found) == (0 if last is None else len(keys) - (last != self.number)), (self.number, sorted(found))
        assert all(f"{last}" in text for text in texts.values()), (self.number, last, texts)


class DeploymentKiller(Killer):
    """Deploys releases while the database is killed, and checks all rows of the deployment after each.

    A request that was not applied is applied again: it is not changed by that.
    """

    def __init__(self, database: Database, api: ApiHarness) -> None:
        super().__init__(database, api)
        self._deployments = Deployments(api)
        self._request = 0
        self._plan_hash = ""

    async def _prepare(self) -> Apply:
        if len(self.stored) == self.number:
            self.number += 1
            self._request, self._plan_hash = await self._deployments.request(self.number)
        token = self._api.client.headers["Authorization"].removeprefix("Bearer ")
        async with self._api.platform.db.acquire() as conn:
            bearer = await tokens.resolve(conn, token_hash(token), "prod", limits.MAX_SCOPES)
        assert bearer is not None
        actor = actor_of(bearer, "prod")
        return lambda platform: deployments.apply(platform, actor, "prod", self._request, self._plan_hash)

    async def _check(self, applied: bool) -> None:
        if await self._retried(lambda: self._deployments.is_deployed(self.number, self._request)):
            self.stored.append(self.number)
        assert not applied or self.stored[-1] == self.number


@pytest.fixture
async def killer(request: pytest.FixtureRequest) -> AsyncIterator[Killer]:
    home = make_folder("chaos", 0o711)
    with leaving_nothing():
        database = Database(home)
        try:
            settings = Settings(home=home, database_url=database.url, database_direct_url=database.url)
            await migrate(database.server.owner_url, app_url=database.url)
            platform = await open_platform(settings, connections=4)
            first = await first_start(platform.db, settings)
            app, worker = create_app(platform), await ManualWorker.register(platform)
            async with client_of(app, first.token_file.read_text().strip()) as client:
                yield request.param(database, ApiHarness(platform, app, client, worker))
            assert await consistency.check(platform.db) == []
            await platform.close()
        finally:
            await database.close()
            shutil.rmtree(home)


@pytest.mark.parametrize("killer", [Killer, DeploymentKiller], indirect=True)
async def test_database_killed_at_each_statement_and_50_random_times(
    killer: Killer, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(SEED)
    await killer.apply()
    longest = killer.took_ms
    statement = 0
    while killer.killed == statement:
        await killer.apply(statement=statement)
        statement += 1
    assert killer.killed > 40
    for _ in range(RANDOM_KILLS):
        await killer.apply(milliseconds=chance.uniform(0, longest))
    figures = {"killed": killer.killed, "stored": len(killer.stored), "applied": killer.number}
    for name, figure in figures.items():
        record_property(name, figure)
    print(figures)
