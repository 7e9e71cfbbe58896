"""Editor on another origin than the API: its pages work if the setting contains their origin."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect
from tests.browser.conftest import Site, log_in
from tests.browser.other_server import OtherServer, serving
from tests.browser.test_editing import node

pytestmark = pytest.mark.extended

FLOW = """
summary: Watched from elsewhere
value:
  modules:
    - id: greet
      value:
        type: rawscript
        language: bash
        content: echo '"hello"'
"""


async def test_another_server_serves_editor(chromium: Browser, site: Site, elsewhere: OtherServer) -> None:
    site.deploy("f/elsewhere/greet", FLOW)
    elsewhere.api = site.base
    context = await chromium.new_context(base_url=elsewhere.origin)
    page = await context.new_page()
    await page.goto("/w/main/workflows/f/elsewhere/greet?panel=test")
    await expect(page.get_by_role("button", name="Log in", exact=True)).to_be_visible()
    await log_in(page)
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(node(page, "greet").locator("[data-state=succeeded]")).to_be_visible()
    await node(page, "greet").click()
    await page.get_by_role("link", name="Triggers").click()
    await expect(page.get_by_text(f"{site.base}/api/").first).to_be_visible()
    await context.close()


async def test_page_of_unlisted_server_has_no_access(chromium: Browser, site: Site, elsewhere: OtherServer) -> None:
    with serving(elsewhere.folder) as stranger:
        stranger.api = site.base
        context = await chromium.new_context(base_url=stranger.origin)
        page = await context.new_page()
        await page.goto("/")
        await expect(page.get_by_text("does not respond").first).to_be_visible()
        await context.close()
