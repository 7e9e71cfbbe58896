"""Usage of a workspace with a million runs: the time to record and to show it."""

from __future__ import annotations

import pytest

from bench import usage_figures

pytestmark = pytest.mark.soak


async def test_usage_of_million_runs_is_shown_quickly() -> None:
    figures = await usage_figures.main()
    assert {name: ms for name, ms in figures.views_ms.items() if ms > 200} == {}
    assert figures.hour_ms < 1_000
