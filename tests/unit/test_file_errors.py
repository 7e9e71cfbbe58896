"""Errors of files and of connections in the responses of the server."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import cast

import pytest
from litestar.types import Scope

from orvanta_platform.http.errors import translate

SCOPE = cast(Scope, {"path": "/api/w/main/templates/list", "state": {}})


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EROFS, "read-only")])
def test_full_disk_is_no_lost_database(error: OSError) -> None:
    assert translate(error, SCOPE).status == 500


def test_missing_file_is_no_lost_database(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        (tmp_path / "none").read_text()
    assert translate(raised.value, SCOPE).status == 500


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"), OSError("closed")]
)
def test_refused_connection_is_a_lost_database(error: OSError) -> None:
    assert translate(error, SCOPE).code == "database_unavailable"
