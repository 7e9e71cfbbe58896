"""Keys on a workflow's page: going about, saving, the clipboard over pages, what a node got and gave."""

from __future__ import annotations

from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import LIST, draft_saved, node, opened

STEPS = """value:
  modules:
    - {id: one, value: {type: rawscript, language: bash, content: echo 1; echo 41, input_transforms: {}}}
    - id: two
      value:
        type: rawscript
        language: bash
        content: |
          n="$1"
          echo "got $n"
        input_transforms: {n: {type: javascript, expr: results.one}}
"""


async def test_a_word_is_found_in_code_and_its_node_is_opened(page: Page, site: Site) -> None:
    await opened(page, site)
    await page.keyboard.press("Control+f")
    await page.get_by_placeholder("Find in ids").fill("echo 3")
    await expect(page.get_by_role("option")).to_have_text(["$_threeecho 3"])
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Id", exact=True)).to_have_value("three")


async def test_the_view_follows_the_keys(page: Page, site: Site) -> None:
    await page.emulate_media(reduced_motion="reduce")
    await opened(page, site)
    await page.keyboard.press("0")
    await page.wait_for_function(
        "() => document.querySelector('.react-flow__viewport').style.transform.includes('scale(1)')"
    )
    await page.keyboard.press("+")
    await page.wait_for_function(
        "() => document.querySelector('.react-flow__viewport').style.transform.includes('scale(1.25)')"
    )
    await page.keyboard.press("-")
    await page.wait_for_function(
        "() => document.querySelector('.react-flow__viewport').style.transform.includes('scale(1)')"
    )
    await expect(page.locator(".react-flow__minimap")).to_have_count(0)
    await page.keyboard.press("v")
    await expect(page.locator(".react-flow__minimap")).to_be_visible()


async def test_the_draft_is_saved_at_once_when_asked(page: Page, site: Site) -> None:
    path = await opened(page, site)
    await node(page, "two").click()
    await page.locator("[data-canvas]").press("d")
    await page.keyboard.press("Control+s")
    await expect(page.get_by_text("The draft is saved.")).to_be_visible()
    await draft_saved(page)
    stored = site.client.get(f"/api/w/main/drafts/get/flow/{path}").json()["value"]["source"]["text"]
    assert "skip_if" in stored


async def test_nodes_are_copied_into_another_workflow_and_cut(page: Page, site: Site) -> None:
    await opened(page, site)
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Control+c")
    await expect(page.get_by_text("Copied 3 nodes.")).to_be_visible()
    path = await opened(page, site, "# Mine.\nvalue:\n  modules:\n    - {id: one, value: {type: identity}}\n")
    await page.keyboard.press("Control+v")
    await expect(node(page, "three")).to_be_visible()
    await expect(page.locator(".react-flow__node-card")).to_have_count(4)
    await draft_saved(page)
    stored = site.client.get(f"/api/w/main/drafts/get/flow/{path}").json()["value"]["source"]["text"]
    assert stored.startswith("# Mine.\n") and "expr: results.one_2" in stored
    await page.keyboard.press("Control+x")
    await expect(page.locator(".react-flow__node-card")).to_have_count(1)
    await page.keyboard.press("Control+d")
    await expect(page.locator(".react-flow__node-card")).to_have_count(1)
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Control+d")
    await expect(node(page, "one_2")).to_be_visible()


async def test_marked_text_is_the_browsers_to_copy(page: Page, site: Site) -> None:
    await opened(page, site, query="?node=one")
    await page.evaluate("getSelection().selectAllChildren(document.querySelector('h1'))")
    await page.keyboard.press("Control+c")
    await page.evaluate("getSelection().removeAllRanges()")
    await page.keyboard.press("Control+v")
    await expect(page.get_by_text("The clipboard holds no nodes.")).to_be_visible()


async def test_upstream_is_selected_and_deleted_without_reconnecting(page: Page, site: Site) -> None:
    await opened(page, site, LIST)
    await node(page, "two").click()
    await page.locator("[data-canvas]").press("Shift+Alt+ArrowDown")
    await expect(page.locator(".react-flow__node.selected")).to_have_count(2)
    await page.keyboard.press("Shift+Alt+ArrowUp")
    await expect(page.locator(".react-flow__node.selected")).to_have_count(3)
    await node(page, "two").click()
    await page.locator("[data-canvas]").press("Shift+Delete")
    await expect(page.locator(".react-flow__node-card")).to_have_count(2)
    await expect(page.locator(".react-flow__edge")).to_have_count(0)


async def test_log_input_and_output_of_the_selected_node(page: Page, site: Site) -> None:
    await opened(page, site, STEPS)
    await page.keyboard.press("Control+Enter")
    await expect(page.locator('[data-result="Result of the workflow"]')).to_have_text('"got 41"')
    await node(page, "two").click()
    await page.locator("[data-canvas]").press("i")
    await expect(page.get_by_role("region", name="Input of two")).to_be_focused()
    await expect(page.locator('[data-result="Input of two"]')).to_contain_text('"n": "41"')
    await node(page, "one").click()
    await page.locator("[data-canvas]").press("l")
    await expect(page.get_by_role("region", name="Log of one")).to_be_focused()
    await expect(page.get_by_role("region", name="Log of one")).to_contain_text("1")
    await page.keyboard.press("o")
    await expect(page.get_by_role("region", name="Result of one")).to_be_focused()
