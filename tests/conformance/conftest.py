"""Fixtures: runtimes at each isolation level that is possible for the current user."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.go_compiler import compiled as compiled
from tests.go_compiler import provide_library
from tests.selection import extended_after_first
from tests.worker.jobs import LEVELS
from tests.worker.shared_runtimes import SharedRuntimes
from tests.worker.shared_runtimes import runtimes as runtimes

from orvanta_platform.sandbox.plan import Level
from orvanta_platform.worker.runtimes.pool import Runtimes


@pytest.fixture(params=extended_after_first(LEVELS))
def level(request: pytest.FixtureRequest) -> Level:
    value: Level = request.param
    return value


@pytest.fixture
def warm_compiler(tmp_path: Path, compiled: Path) -> None:
    """Provide Go's compiled standard library to the platform of the test."""
    provide_library(tmp_path / "home", compiled)


@pytest.fixture(scope="module")
async def shared_runtimes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SharedRuntimes]:
    made = SharedRuntimes(tmp_path_factory.mktemp("homes"))
    yield made
    await made.close()


@pytest.fixture
async def fresh_runtimes(level: Level, tmp_path: Path) -> AsyncIterator[Runtimes]:
    """Yield runtimes in the home of the test, for modules whose tests change what is stored there."""
    made = Runtimes(tmp_path / "home", [], level)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
def warm_runtimes(level: Level, shared_runtimes: SharedRuntimes, compiled: Path) -> None:
    """Provide the compiled standard library to the runtimes of the module."""
    provide_library(shared_runtimes.home(level), compiled)
