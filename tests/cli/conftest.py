"""Fixtures for commands that need a running platform."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.client import Cli
from tests.e2e.installation import Installation


@pytest.fixture
def cli(installation: Installation, tmp_path: Path) -> Cli:
    """Return a command line for a user without profiles on the machine of the installation."""
    return Cli(
        installation,
        {
            "PATH": installation.environ["PATH"],
            "HOME": str(tmp_path),
            "ORVANTA_HOME": installation.environ["ORVANTA_HOME"],
        },
        tmp_path,
    )
