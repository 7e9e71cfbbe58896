"""Fixtures for packages from local indexes, with a new home and database."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from msgspec import structs
from tests.conftest import TestDatabase
from tests.folders import make_folder
from tests.go_compiler import compiled as compiled
from tests.http.harness import ApiHarness, api_harness
from tests.packages.indexes import Index, serving
from tests.worker.jobs import LEVELS, Collected, Ran, run_spec, spec

from orvanta_platform.db import workers
from orvanta_platform.db.workers import NewWorker
from orvanta_platform.sandbox.plan import Level
from orvanta_platform.services.platform import Platform, open_platform
from orvanta_platform.services.runs.locks import Locks
from orvanta_platform.settings import Settings
from orvanta_platform.worker.imports import Imports
from orvanta_platform.worker.lease import Lease
from orvanta_platform.worker.loop import Worker
from orvanta_platform.worker.packages.store import PackageRequest, Packages
from orvanta_platform.worker.runtimes.pool import Runtimes


class Log(Collected):
    """A log of a job that stores everything."""

    async def system(self, text: str) -> None:
        await self.write(f"[orvanta] {text}\n")


@dataclass
class Shop:
    """The packages of a worker, their index, and the log of the jobs."""

    platform: Platform
    runtimes: Runtimes
    packages: Packages
    index: Index
    log: Log = field(default_factory=Log)

    async def provide(
        self, content: str, *, language: str = "python3", workspace: str = "main", lock: str | None = None
    ) -> str | None:
        asked = PackageRequest(uuid4(), 1, workspace, language, content, lock=lock)
        return await self.packages.provide(asked, self.log, asyncio.Event())

    async def run(
        self, content: str, *, language: str = "python3", workspace: str = "main", args: Any = None, **more: Any
    ) -> Ran:
        """Install the packages of a job and run it."""
        package = await self.provide(content, language=language, workspace=workspace, **more)
        return await run_spec(self.runtimes, structs.replace(spec(language, content, args), package=package))

    async def lock(self, content: str, *, language: str = "python3", workspace: str = "main") -> str:
        asked = PackageRequest(uuid4(), 1, workspace, language, content)
        needed = await self.packages.requirements(asked)
        assert needed is not None
        return await self.packages.lock(asked, needed, self.log, asyncio.Event())

    def restarted(self, **settings: Any) -> Shop:
        """Return another worker with the same home and database, as after a restart."""
        chosen = replace(self.platform.settings, **settings)
        packages = _packages(self.runtimes, self.platform, chosen)
        return Shop(self.platform, self.runtimes, packages, self.index)

    def folder(self, relative: str | None) -> Path:
        assert relative is not None
        return self.runtimes.packages / relative


def _packages(runtimes: Runtimes, platform: Platform, settings: Settings) -> Packages:
    imports = Imports(platform, runtimes)
    environ = {"GOPROXY": str(settings.npm_registry), "GOSUMDB": "off"}
    return Packages(runtimes, settings, Locks(platform), imports, environ)


@pytest.fixture
def index() -> Iterator[Index]:
    with serving() as made:
        yield made


@pytest.fixture
def home() -> Iterator[Path]:
    """Yield a home whose parent folders are accessible to every user, unlike those of tmp_path."""
    folder = make_folder("home", 0o755)
    yield folder / "home"
    for path, _, _ in os.walk(folder):
        os.chmod(path, 0o755)
    shutil.rmtree(folder)


@pytest.fixture(params=LEVELS[:1])
def level(request: pytest.FixtureRequest) -> Level:
    value: Level = request.param
    return value


@pytest.fixture
async def shop(database: TestDatabase, home: Path, index: Index, level: Level) -> AsyncIterator[Shop]:
    settings = Settings(
        home=home,
        database_url=database.app_url,
        database_direct_url=database.app_url,
        python_index=index.python,
        npm_registry=index.url,
        composer_repository=index.url,
        gem_source=index.url,
    )
    platform = await open_platform(settings)
    async with platform.db.acquire() as conn:
        await conn.execute(
            "INSERT INTO workspace (id, name, owner) SELECT id, id, 'ada' FROM unnest(ARRAY['main', 'other']) AS id"
        )
    runtimes = Runtimes(home, [], level)
    try:
        await runtimes.start()
        yield Shop(platform, runtimes, _packages(runtimes, platform, settings), index)
    finally:
        await runtimes.close()
        await platform.close()


@pytest.fixture
async def api(database: TestDatabase, home: Path, index: Index) -> AsyncIterator[ApiHarness]:
    indexes = {"python_index": index.python, "npm_registry": index.url}
    async with api_harness(database, home, **indexes, composer_repository=index.url, gem_source=index.url) as made:
        yield made


@pytest.fixture
async def working(api: ApiHarness, home: Path) -> AsyncIterator[Worker]:
    """Yield a worker with real runtimes at the strongest isolation level; tests start its method `run`."""
    row = NewWorker(uuid4(), "w", "here", "127.0.0.1", "default", None, 4, "0", "full")
    async with api.platform.db.acquire() as connection:
        await workers.register(connection, row)
    runtimes = Runtimes(home, [])
    await runtimes.start()
    worker = Worker(api.platform, runtimes, Lease(row.id, 1, 3600))
    yield worker
    worker.drain()
    await worker.run()
    await runtimes.close()
