"""Typing in the panel of a node: texts go to the field that was clicked, and are undone in steps."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.async_api import Locator, Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import LIST, add, node, opened

RECORD_CLICKS = """() => {
  window.clicked = [];
  window.addEventListener("click", ({ target }) => clicked.push(target.closest("button")?.ariaLabel), true);
}"""
TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
CODE = """value:
  modules:
    - id: one
      value: {type: rawscript, language: python3, content: "", input_transforms: {}}
    - id: two
      value: {type: identity}
"""
PROBLEM = "1 problem"
"""The code of the node has no function `main`, which its form finds."""

DELAYED = """value:
  modules:
    - id: one
      value: {type: identity}
    - id: two
      value: {type: delay, seconds: {type: static, value: 7}}
"""


async def press(control: Locator) -> None:
    """Click like a hand: frames are drawn between the press and the release."""
    await control.hover()
    await control.page.mouse.down()
    await control.page.evaluate(TWO_FRAMES)
    await control.page.mouse.up()


@pytest.mark.parametrize("field", ["Code", "Name"])
async def test_field_clicked_after_typing_an_id_receives_the_text(page: Page, site: Site, field: str) -> None:
    await opened(page, site, CODE, "?panel=node&node=one", PROBLEM)
    await page.get_by_label("Id", exact=True).fill("total")
    target = page.get_by_role("textbox", name=field, exact=True)
    await press(target)
    await page.keyboard.type("dn")
    await expect(node(page, "total")).to_be_visible()
    await (expect(target).to_have_text("dn") if field == "Code" else expect(target).to_have_value("dn"))
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_button_clicked_after_typing_an_id_is_pressed(page: Page, site: Site) -> None:
    await opened(page, site, CODE, "?panel=node&node=one", PROBLEM)
    await page.get_by_label("Id", exact=True).fill("total")
    await press(page.get_by_role("button", name="Add a node between one and two"))
    await expect(page.get_by_placeholder("Add a node")).to_be_focused()
    await page.keyboard.type("Delay")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Add a node between total and wait")).to_be_visible()


@pytest.mark.parametrize("button", ["left", "right"])
async def test_press_that_is_no_click_presses_no_button(
    page: Page, site: Site, button: Literal["left", "right"]
) -> None:
    """The left button is released over another control, the right one where it was pressed."""
    await opened(page, site, LIST, "?panel=node&node=one")
    await page.evaluate(RECORD_CLICKS)
    await page.get_by_label("Id", exact=True).fill("total")
    await page.get_by_role("button", name="Add a node between one and two").hover()
    await page.mouse.down(button=button)
    await page.evaluate(TWO_FRAMES)
    if button == "left":
        await page.get_by_role("button", name="Add a node between two and three").hover()
    await page.mouse.up(button=button)
    await expect(node(page, "total")).to_be_visible()
    assert await page.evaluate("() => clicked.filter((label) => label)") == []


async def test_id_field_follows_undo_of_a_rename(page: Page, site: Site) -> None:
    await opened(page, site, CODE, "?panel=node&node=one", PROBLEM)
    field = page.get_by_label("Id", exact=True)
    await field.fill("total")
    await field.press("Enter")
    await expect(node(page, "total")).to_be_visible()
    # A refused id belongs to the node for which it was typed.
    await field.fill("two")
    await field.press("Enter")
    refusal = page.get_by_role("complementary", name="Node").get_by_role("alert").filter(has_text="already in use")
    await expect(refusal).to_be_visible()
    await page.get_by_role("button", name="Undo: Rename one to total").click()
    await expect(field).to_have_value("one")
    await expect(refusal).to_have_count(0)
    # Nothing was typed, so nothing is renamed.
    await field.focus()
    await field.blur()
    await expect(page.get_by_role("button", name="Redo: Rename one to total")).to_be_visible()


async def test_id_field_follows_undo_of_an_insertion(page: Page, site: Site) -> None:
    await opened(page, site, CODE, "?panel=node&node=two")
    await page.get_by_role("button", name="Add a node between one and two").click()
    await add(page, "Delay")
    field = page.get_by_label("Id", exact=True)
    await expect(field).to_have_value("wait")
    await page.get_by_role("button", name=re.compile("^Undo: ")).click()
    await expect(field).to_have_value("two")


async def test_undo_of_an_insertion_shows_the_form_of_the_next_node(page: Page, site: Site) -> None:
    await opened(page, site, DELAYED, "?panel=node&node=two")
    await page.get_by_role("button", name="Add a node between one and two").click()
    await add(page, "Delay")
    await expect(page.get_by_label("Id", exact=True)).to_have_value("wait")
    modes = page.get_by_role("group", name="Input mode of Duration (s)", exact=True)
    await modes.get_by_role("button", name="Expression").click()
    for _ in range(2):
        await page.get_by_role("button", name=re.compile("^Undo: ")).click()
    await expect(page.get_by_label("Id", exact=True)).to_have_value("two")
    await expect(modes.get_by_role("button", name="Value")).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_label("Duration (s)", exact=True)).to_have_value("7")


async def test_python_is_indented_by_four_spaces(page: Page, site: Site) -> None:
    await opened(page, site, CODE, "?panel=node&node=one", PROBLEM)
    code = page.get_by_role("textbox", name="Code", exact=True)
    await code.click()
    await page.keyboard.type("def main():")
    await page.keyboard.press("Enter")
    await page.keyboard.type("return 1")
    await expect(code.locator(".cm-line").nth(1)).to_have_text(re.compile("^ {4}return 1$"))
