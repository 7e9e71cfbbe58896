"""Runtimes at each level that this user can have."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.selection import extended_after_first
from tests.worker.jobs import LEVELS

from orvanta_platform.sandbox.plan import Level
from orvanta_platform.worker.runtimes.pool import Runtimes


@pytest.fixture(params=extended_after_first(LEVELS))
def level(request: pytest.FixtureRequest) -> Level:
    value: Level = request.param
    return value


@pytest.fixture
def home() -> Iterator[Path]:
    """A home below folders that every user may enter, which tmp_path is not."""
    folder = Path(tempfile.mkdtemp(prefix="orvanta-home-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder / "home"
    shutil.rmtree(folder)


@pytest.fixture
async def runtimes(level: Level, home: Path) -> AsyncIterator[Runtimes]:
    made = Runtimes(home, [], level)
    await made.start()
    yield made
    await made.close()
