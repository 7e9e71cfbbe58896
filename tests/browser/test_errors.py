"""Errors on pages: the message is shown, and tracebacks keep their lines."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import node, opened
from tests.browser.test_scripts import deployed

FAILS = "def main():\n    return 1 + 'a'\n"
FLOW = """value:
  modules:
    - id: broken
      value:
        type: rawscript
        language: python3
        content: "def main():\\n    return 1 + 'a'\\n"
        input_transforms: {}
    - {id: after, value: {type: identity}}
"""


async def check(error: Locator) -> None:
    await expect(error).to_contain_text("TypeError, line 2", timeout=60_000)
    await expect(error).to_contain_text("unsupported operand type(s)")
    stack = await error.locator("pre").inner_text()
    assert "line 2, in main\n" in stack and "\\n" not in stack


async def test_error_of_a_script_test_is_shown_with_its_traceback(page: Page, site: Site) -> None:
    path = deployed(site, FAILS)
    await page.goto(f"/w/main/scripts/{path}")
    await page.get_by_role("button", name="Run", exact=True).click()
    await check(page.get_by_label("Test run").locator("[data-error]"))


async def test_error_of_a_node_is_shown_with_its_traceback(page: Page, site: Site) -> None:
    await opened(page, site, FLOW, "?panel=node&node=after")
    # A test that ends before its node shows the error of the node that failed.
    await page.get_by_role("tab", name="Output").click()
    await page.get_by_role("button", name="Test after").click()
    await check(page.get_by_label("Test of after").locator("[data-error]"))
    await page.get_by_role("button", name="Test", exact=True).click()
    await page.get_by_role("button", name="Run", exact=True).click()
    await node(page, "broken").click()
    await page.get_by_role("button", name="Test", exact=True).click()
    await check(page.get_by_label("Test run").locator("[data-error]").first)
    # The page of the run shows the error at its top, at the node and in the data.
    await page.get_by_label("Test run").get_by_role("link", name="Open run").click()
    await expect(page).to_have_url(re.compile("/runs/"))
    first = page.get_by_label("First error")
    await expect(first).to_contain_text("TypeError in broken, line 2")
    await expect(first.locator("pre")).to_contain_text("line 2, in main")
    await first.get_by_role("button", name="broken").click()
    await check(page.get_by_role("complementary", name="Node broken").locator("[data-error]"))
    await page.get_by_role("tab", name="Data").click()
    await check(page.locator('[data-value="Result"] [data-error]'))
