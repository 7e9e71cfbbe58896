"""Fixtures of the tests of services."""

from __future__ import annotations

import pytest
from tests.conftest import TestDatabase


@pytest.fixture
def database(shared_database: TestDatabase) -> TestDatabase:
    """Share one database among the tests of this folder."""
    return shared_database
