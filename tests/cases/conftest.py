"""Fixtures of the cases."""

from __future__ import annotations

import pytest
from tests.conftest import TestDatabase


@pytest.fixture
def database(shared_database: TestDatabase) -> TestDatabase:
    """Share one database among the cases of a process."""
    return shared_database
