"""Size of the files loaded before the first workflow is shown: at most 300 kB, compressed."""

from __future__ import annotations

import gzip

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import DIST

FIRST_LOAD = 300_000
"""Bytes, with gzip."""


@pytest.mark.extended
async def test_first_load_is_within_budget(page: Page) -> None:
    loaded: set[str] = set()
    page.on("response", lambda answer: loaded.add(answer.url))
    await page.goto("/w/main/workflows/f/examples/order_processing")
    await expect(page.locator('.react-flow__node[data-id="price"]')).to_be_visible()
    names = {url.rpartition("/assets/")[2] for url in loaded if "/assets/" in url}
    assert len(names) >= 4
    sent = sum(len(gzip.compress((DIST / "assets" / name).read_bytes(), 9)) for name in names)
    assert sent <= FIRST_LOAD, sorted(names)
