"""Set-up of the database by the server, and its reports to `orvanta up`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.folders import new_folder

from orvanta_platform import settings as settings_module
from orvanta_platform.embedded.postgres import start
from orvanta_platform.embedded.setup import set_up
from orvanta_platform.settings import Settings


@pytest.fixture
def home() -> Iterator[Path]:
    """Create a home that the database's user can access, unlike pytest's temporary folders."""
    with new_folder("set-up") as made:
        yield made


@pytest.fixture
def empty(home: Path) -> Iterator[Settings]:
    """Return the settings of a new database without tables."""
    with start(home) as database:
        settings = settings_module.load({"ORVANTA_HOME": str(home)})
        yield settings_module.with_database(settings, database.app_url, database.owner_url)


def test_set_up_reports_tables_and_then_access(empty: Settings) -> None:
    first, second = _set_up(empty)
    assert first == {}
    assert second["link"].startswith(empty.base_url)
    assert Path(second["token_file"]).read_text().startswith("ov_")
    assert _set_up(empty)[1]["token_file"] == second["token_file"]


def test_set_up_reports_an_error(tmp_path: Path) -> None:
    settings = settings_module.load({"ORVANTA_HOME": str(tmp_path)})
    away = f"postgresql://nobody@/none?host={tmp_path}"
    (report,) = _set_up(replace(settings, database_url=away, owner_url=away))
    assert report["error"]["code"] == "database_unavailable"


def _set_up(settings: Settings) -> list[dict[str, Any]]:
    """Set up the database and return the reports."""
    read, write = os.pipe()
    set_up(settings, write)
    with os.fdopen(read) as reports:
        return [json.loads(line) for line in reports]
