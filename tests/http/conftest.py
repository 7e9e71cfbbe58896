"""Fixtures of the tests of the API, with all its routes, on a fresh database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, api_harness


@pytest.fixture
def database(shared_database: TestDatabase) -> TestDatabase:
    """Share one database among the tests of this folder."""
    return shared_database


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    """Open the API on a fresh database, with the client of an admin and a worker controlled by the test."""
    async with api_harness(database, tmp_path) as made:
        yield made
