"""Dry runs in the editor: started next to a run, with the list of what would have been sent."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check

pytestmark = pytest.mark.extended

PATH = "f/tested/parcels"
TEXT = """summary: Parcels
value:
  modules:
    - {id: large, needs: [], value: {type: condition, expr: flow_input.weight > 10}}
    - id: freight
      needs: [{node: large, on: 'true'}]
      value: {type: webhook, method: POST, url: {type: static, value: 'https://example.com/freight'},
        body: {type: javascript, expr: flow_input.weight}}
    - id: parcel
      needs: [{node: large, on: 'false'}]
      value: {type: webhook, method: POST, url: {type: static, value: 'https://example.com/parcel'}}
schema: {type: object, properties: {weight: {type: number}}}
"""


async def test_dry_run_lists_what_would_have_been_sent(page: Page, site: Site) -> None:
    site.deploy(PATH, TEXT)
    await page.goto(f"/w/main/workflows/{PATH}?panel=test")
    panel = page.get_by_role("complementary", name="Test")
    await panel.get_by_label("weight").fill("12")
    await panel.get_by_role("button", name="Dry run", exact=True).click()
    sent = panel.get_by_role("list", name="Would have written or sent")
    await expect(sent.get_by_role("listitem")).to_have_count(1)
    await expect(sent).to_contain_text("freight sends · POST · sample")
    await expect(sent).to_contain_text('"body": 12')
    await check(page)
    await panel.get_by_role("link", name="Open run").click()
    await expect(page.get_by_role("region", name="Dry run: what was not executed")).to_contain_text("freight")
    await expect(page.get_by_role("button", name="Run again")).to_have_count(0)
    await page.goto("/w/main/runs")
    await expect(page.get_by_role("listitem").filter(has_text="Dry run").first).to_be_visible()
