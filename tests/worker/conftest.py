"""Fixtures: runtimes at each isolation level that is possible for the current user."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.selection import extended_after_first
from tests.worker.jobs import LEVELS
from tests.worker.shared_runtimes import SharedRuntimes

from orvanta_platform.sandbox.plan import Level
from orvanta_platform.worker.runtimes.pool import Runtimes


@pytest.fixture(params=extended_after_first(LEVELS))
def level(request: pytest.FixtureRequest) -> Level:
    value: Level = request.param
    return value


@pytest.fixture
def home() -> Iterator[Path]:
    """Yield a home whose parent folders are accessible to every user, unlike those of tmp_path."""
    with open_folder() as folder:
        yield folder / "home"


@contextmanager
def open_folder() -> Iterator[Path]:
    """Yield a new folder that every user can access, and delete it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="orvanta-home-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
async def shared_runtimes() -> AsyncIterator[SharedRuntimes]:
    """Yield runtimes for the tests of a module that only run jobs: those of the fixture in shared_runtimes.py."""
    with open_folder() as folder:
        made = SharedRuntimes(folder)
        yield made
        await made.close()


@pytest.fixture
async def runtimes(level: Level, home: Path) -> AsyncIterator[Runtimes]:
    made = Runtimes(home, [], level)
    await made.start()
    yield made
    await made.close()
