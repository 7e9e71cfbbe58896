"""References to stored values in memory after they were read."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import UUID

import pytest

from orvanta_platform.orchestrator import values
from orvanta_platform.storage.local import LocalStorage

RUN = UUID(int=7)


@pytest.mark.parametrize("size", [300 << 10, 3 << 20], ids=["one piece", "frames"])
async def test_read_value_is_referenced_only_by_its_reader(tmp_path: Path, size: int) -> None:
    """A large value is released as soon as its reader is finished, even before the reader waits again."""
    storage = LocalStorage(tmp_path)
    row = await values.store(storage, "main", RUN, RUN, "result", b'"%s"' % (b"x" * size))
    opened = await values.open_rows(storage, [row])
    raw = opened.pop((RUN, "result", ""))
    mine = bytearray(b"mine alone")
    assert len(raw) == size + 2
    assert sys.getrefcount(raw) == sys.getrefcount(mine)
