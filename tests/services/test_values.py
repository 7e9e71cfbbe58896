"""Values that are kept and read: who holds them."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import UUID

import pytest

from orvanta_platform.orchestrator import values
from orvanta_platform.storage.local import LocalStorage

RUN = UUID(int=7)


@pytest.mark.parametrize("size", [300 << 10, 3 << 20], ids=["one piece", "frames"])
async def test_a_value_that_was_read_is_held_by_its_reader_alone(tmp_path: Path, size: int) -> None:
    """Whoever is done with a large value lets it go, also before it waits for anything again."""
    storage = LocalStorage(tmp_path)
    row = await values.keep(storage, "main", RUN, RUN, "result", b'"%s"' % (b"x" * size))
    opened = await values.open_rows(storage, [row])
    raw = opened.pop((RUN, "result", ""))
    mine = bytearray(b"mine alone")
    assert len(raw) == size + 2
    assert sys.getrefcount(raw) == sys.getrefcount(mine)
