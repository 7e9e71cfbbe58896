"""The audit trail with a million rows: searches, export, and the cost of its hash chain."""

from __future__ import annotations

import pytest

from bench import audit_trail

pytestmark = pytest.mark.soak


async def test_million_rows_are_searched_and_exported() -> None:
    figures = await audit_trail.main()
    assert figures.chain_ratio <= 1.2
    assert {name: ms for name, ms in figures.searches_ms.items() if ms > 200} == {}
    assert figures.exported >= audit_trail.ROWS and figures.export_mib < 50
