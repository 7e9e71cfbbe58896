"""Tests of a workflow: created from a run; the page shows outcomes and coverage."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check
from tests.browser.test_editing import node

pytestmark = pytest.mark.extended

PATH = "f/tested/orders"
TEXT = """summary: Orders
value:
  modules:
    - id: fetch
      needs: []
      value:
        type: rawscript
        language: bash
        content: echo 1
        input_transforms: {total: {type: javascript, expr: flow_input.total}}
    - {id: large, needs: [fetch], value: {type: condition, expr: flow_input.total > 100}}
    - {id: charge, needs: [{node: large, on: 'false'}], value: {type: identity}}
    - {id: refuse, needs: [{node: large, on: 'true'}], value: {type: identity}}
"""


async def test_run_is_kept_as_test(page: Page, site: Site) -> None:
    site.deploy(PATH, TEXT)
    run = site.client.post(f"/api/w/main/jobs/run/f/{PATH}", json={"total": 40}).text
    await page.goto(f"/w/main/runs/{run}")
    await page.get_by_role("button", name="Keep as test").click()
    dialog = page.get_by_role("dialog", name="Keep as test")
    await dialog.get_by_label("Name", exact=True).fill("not a name")
    await dialog.get_by_role("button", name="Create test").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("cannot be the name of a test")
    await dialog.get_by_label("Name", exact=True).fill("small")
    await dialog.get_by_role("button", name="Create test").click()
    tests = page.get_by_role("region", name="Tests", exact=True)
    await expect(tests.get_by_role("status")).to_have_text("1 test passed, 0 failed")
    await expect(tests.get_by_role("listitem").filter(has_text="small")).to_contain_text("Passed")
    await expect(node(page, "charge")).to_contain_text("Tested")
    await expect(node(page, "refuse")).to_contain_text("Not tested")
    await expect(page.get_by_text("The tests cover 3 of 4 nodes and 2 of 3 edges.")).to_be_visible()
    await page.get_by_role("button", name="Edit test small").click()
    dialog = page.get_by_role("dialog", name="Edit test small")
    text = dialog.get_by_label("Test as YAML")
    await text.fill("inputs: {total: 400}\nnodes: {fetch: {result: 1, inputs: {total: 40}}}\n")
    await dialog.get_by_role("button", name="Save").click()
    await expect(tests.get_by_role("status")).to_have_text("0 tests passed, 1 failed")
    await expect(tests).to_contain_text("The answer belongs to other inputs; they differ at /total.")
    await expect(node(page, "refuse").get_by_text("Tested", exact=True)).to_be_visible()
    await check(page)
    await page.get_by_role("button", name="Delete test small").click()
    await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(tests).to_contain_text("No tests yet")


OVERLAPPING_MARKS = """() => {
  const boxes = [...document.querySelectorAll("[data-covered]")].map((each) => each.getBoundingClientRect());
  const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  return boxes.flatMap((a, n) => boxes.slice(n + 1).filter((b) => overlap(a, b))).length;
}"""


@pytest.mark.parametrize("width", [1440, 390])
async def test_marks_of_nodes_and_edges_do_not_overlap(page: Page, site: Site, width: int) -> None:
    path = f"f/tested/marks{width}"
    site.deploy(path, TEXT)
    run = site.client.post(f"/api/w/main/jobs/run/f/{path}", json={"total": 40}).text
    await page.set_viewport_size({"width": width, "height": 900})
    await page.goto(f"/w/main/runs/{run}")
    await page.get_by_role("button", name="Keep as test").click()
    dialog = page.get_by_role("dialog", name="Keep as test")
    await dialog.get_by_label("Name", exact=True).fill("small")
    await dialog.get_by_role("button", name="Create test").click()
    await expect(page.locator("[data-covered]")).to_have_count(5)
    assert await page.evaluate(OVERLAPPING_MARKS) == 0
    edge = page.locator("[data-edge^='large refuse'] [data-covered=false]")
    await expect(edge).to_have_attribute("title", "Not tested")
    await expect(edge).to_have_accessible_name("Not tested")
