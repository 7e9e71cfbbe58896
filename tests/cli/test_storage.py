"""`orvanta admin storage` on a running installation."""

from __future__ import annotations

import json
import subprocess

import pytest
from tests.e2e.installation import ORVANTA, Installation

from orvanta_platform.cli.storage_report import size


def storage(installation: Installation, *options: str) -> str:
    command = [str(ORVANTA), "admin", "storage", *options]
    done = subprocess.run(command, env=installation.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.extended
def test_report_shows_tables_weeks_and_workspaces(installation: Installation) -> None:
    text = storage(installation)
    assert "version_use" in text or "value" in text
    assert "week of" in text and "held back by" in text and "main" in text
    found = json.loads(storage(installation, "--json"))
    assert found["droppable"] is True
    assert {each["id"] for each in found["workspaces"]} >= {"main", "admins"}
    assert len(found["weeks"]) >= 4 and all(each["goes_at"] for each in found["weeks"])


def test_sizes_are_for_people() -> None:
    assert [size(each) for each in (0, 1023, 1024, 1536, 150 << 20, 5 << 40)] == [
        *("0 B", "1023 B", "1.0 KiB", "1.5 KiB", "150 MiB", "5.0 TiB")
    ]
