"""Fixtures: runtimes at each isolation level that is possible for the current user, and workers of an API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.conftest import TestDatabase
from tests.folders import new_folder
from tests.http.harness import ApiHarness, api_harness
from tests.selection import extended_after_first
from tests.worker.group_worker import running_worker
from tests.worker.jobs import LEVELS
from tests.worker.shared_runtimes import SharedRuntimes

from orvanta_platform.sandbox.plan import Level
from orvanta_platform.worker.group_settings import GroupSettings
from orvanta_platform.worker.runtimes.pool import Runtimes


@pytest.fixture(params=extended_after_first(LEVELS))
def level(request: pytest.FixtureRequest) -> Level:
    value: Level = request.param
    return value


@pytest.fixture
def home() -> Iterator[Path]:
    """Yield a home whose parent folders are accessible to every user, unlike those of tmp_path."""
    with new_folder("home", 0o755) as folder:
        yield folder / "home"


@pytest.fixture(scope="module")
async def shared_runtimes() -> AsyncIterator[SharedRuntimes]:
    """Yield runtimes for the tests of a module that only run jobs: those of the fixture in shared_runtimes.py."""
    with new_folder("home", 0o755) as folder:
        made = SharedRuntimes(folder)
        yield made
        await made.close()


@pytest.fixture
async def runtimes(level: Level, home: Path) -> AsyncIterator[Runtimes]:
    made = Runtimes(home, [], level)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    """Open the API on a fresh database, with the client of an admin and a worker controlled by the test."""
    async with api_harness(database, tmp_path / "home") as made:
        yield made


@pytest.fixture
async def group(api: ApiHarness, tmp_path: Path) -> AsyncIterator[GroupSettings]:
    """Yield the settings of a running worker of the group default."""
    async with running_worker(api.platform, tmp_path / "worker", "landlock") as settings:
        yield settings
