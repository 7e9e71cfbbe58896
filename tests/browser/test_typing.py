"""Typing in the panel of a node: texts go to the field that was clicked, and are undone in steps."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import node, opened

TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
CODE = """value:
  modules:
    - id: one
      value: {type: rawscript, language: python3, content: "", input_transforms: {}}
    - id: two
      value: {type: identity}
"""


async def press(control: Locator) -> None:
    """Click like a hand: frames are drawn between the press and the release."""
    await control.hover()
    await control.page.mouse.down()
    await control.page.evaluate(TWO_FRAMES)
    await control.page.mouse.up()


@pytest.mark.parametrize("field", ["Code", "Summary"])
async def test_field_clicked_after_typing_an_id_receives_the_text(page: Page, site: Site, field: str) -> None:
    await opened(page, site, CODE, "?panel=node&node=one")
    await page.get_by_label("Id", exact=True).fill("total")
    target = page.get_by_role("textbox", name=field, exact=True)
    await press(target)
    await page.keyboard.type("dn")
    await expect(node(page, "total")).to_be_visible()
    await (expect(target).to_have_text("dn") if field == "Code" else expect(target).to_have_value("dn"))
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_button_clicked_after_typing_an_id_is_pressed(page: Page, site: Site) -> None:
    await opened(page, site, CODE, "?panel=node&node=one")
    await page.get_by_label("Id", exact=True).fill("total")
    await press(page.get_by_role("button", name="Add a node between one and two"))
    await expect(page.get_by_placeholder("Add a node")).to_be_focused()
    await page.keyboard.type("Delay")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Add a node between total and wait")).to_be_visible()


async def test_python_is_indented_by_four_spaces(page: Page, site: Site) -> None:
    await opened(page, site, CODE, "?panel=node&node=one")
    code = page.get_by_role("textbox", name="Code", exact=True)
    await code.click()
    await page.keyboard.type("def main():")
    await page.keyboard.press("Enter")
    await page.keyboard.type("return 1")
    await expect(code.locator(".cm-line").nth(1)).to_have_text(re.compile("^ {4}return 1$"))
