"""A running platform for the commands that work on a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.client import Cli
from tests.e2e.installation import Installation


@pytest.fixture
def cli(installation: Installation, tmp_path: Path) -> Cli:
    """`orvanta` of a user who has no profiles yet, on the machine of the installation."""
    return Cli(
        installation,
        {
            "PATH": installation.environ["PATH"],
            "HOME": str(tmp_path),
            "ORVANTA_HOME": installation.environ["ORVANTA_HOME"],
        },
        tmp_path,
    )
