"""Runtimes at each level that this user can have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.worker.jobs import LEVELS

from orvanta_platform.sandbox.plan import Level
from orvanta_platform.worker.runtimes.pool import Runtimes


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> Level:
    value: Level = request.param
    return value


@pytest.fixture
async def runtimes(level: Level, tmp_path: Path) -> AsyncIterator[Runtimes]:
    made = Runtimes(tmp_path / "home", [], level)
    await made.start()
    yield made
    await made.close()
