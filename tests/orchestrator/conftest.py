"""Fixtures of the orchestrator's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.conftest import TestDatabase
from tests.orchestrator.harness import CoreHarness, core_harness


@pytest.fixture
def database(shared_database: TestDatabase) -> TestDatabase:
    """Share one database among the tests of this folder."""
    return shared_database


@pytest.fixture
async def core(database: TestDatabase, tmp_path: Path) -> AsyncIterator[CoreHarness]:
    """Open a platform on a fresh database."""
    async with core_harness(database, tmp_path / "home") as made:
        yield made
