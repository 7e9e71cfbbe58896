"""Keyboard focus on the canvas: it stays on the selected node, or on the canvas."""

from __future__ import annotations

from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import LIST, add, node, opened

NOTHING = "value:\n  modules: []\n"


async def test_focus_stays_on_canvas_after_undo_and_connecting(page: Page, site: Site) -> None:
    await opened(page, site, LIST)
    await node(page, "two").click()
    await page.keyboard.press("n")
    await add(page, "Delay")
    await expect(node(page, "wait")).to_be_focused()
    await page.keyboard.press("ControlOrMeta+z")
    await expect(node(page, "wait")).to_have_count(0)
    await expect(node(page, "two")).to_be_focused()
    await page.keyboard.press("F2")
    await expect(page.get_by_label("Id", exact=True)).to_have_value("two")
    await node(page, "one").click()
    await page.keyboard.press("c")
    await page.get_by_role("dialog").get_by_role("combobox").fill("three")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(node(page, "one")).to_be_focused()


async def test_first_node_has_the_focus_after_it_was_added(page: Page, site: Site) -> None:
    await opened(page, site, NOTHING)
    await page.get_by_role("button", name="Add a node").last.click()
    await add(page, "Delay")
    await expect(node(page, "wait")).to_be_focused()
    await page.keyboard.press("F2")
    await expect(page.get_by_label("Id", exact=True)).to_be_focused()
