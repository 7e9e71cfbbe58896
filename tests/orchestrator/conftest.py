"""The ground that tests of steps stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.conftest import TestDatabase
from tests.orchestrator.ground import Ground, ground


@pytest.fixture
async def scene(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Ground]:
    """A platform on a fresh database."""
    async with ground(database, tmp_path / "home") as made:
        yield made
