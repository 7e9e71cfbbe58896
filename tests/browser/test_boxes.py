"""Branches, loops and approvals: edited by form and keyboard; iterations are shown one by one."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import add, deploy, flow, node, opened

pytestmark = pytest.mark.extended

CHOOSE = """# Kept.
value:
  modules:
    - id: choose
      value:
        type: branchone
        branches:
          - {expr: flow_input.n > 10, modules: [{id: big, value: {type: identity}}]}
        default: []
    - {id: ask, value: {type: approval, message: Go on?}}
"""
LOOP = """value:
  modules:
    - id: each
      value:
        type: forloopflow
        iterator: {type: static, value: [7, 8, 9]}
        skip_failures: true
        modules:
          - id: check
            value:
              type: rawscript
              language: bash
              content: |
                n="$1"
                test "$n" != 8 && echo "is $n"
              input_transforms: {n: {type: javascript, expr: flow_input.iter.value}}
          - {id: after, value: {type: identity}}
"""


async def test_branches_are_added_named_ordered_and_filled(page: Page, site: Site) -> None:
    path = await opened(page, site, CHOOSE, "?panel=node&node=choose")
    form = page.get_by_label("Branches", exact=True)
    await form.get_by_role("button", name="Add branch").click()
    await form.get_by_label("Branch 2").get_by_label("Branch name").fill("In between")
    await expect(page.locator(".react-flow__node-lane")).to_have_text(
        ["flow_input.n > 10", "In between", "Otherwise Add a node"]
    )
    await form.get_by_role("button", name="Move branch 2 up").click()
    await expect(page.get_by_role("button", name="Undo: Move branch 2 of choose up")).to_be_visible()
    await expect(page.locator(".react-flow__node-lane").first).to_have_text("In between")
    await node(page, "choose").locator("header").click()
    await page.locator("[data-canvas]").press("Shift+N")
    await page.get_by_placeholder("Select a branch").fill("Otherwise")
    await page.keyboard.press("Enter")
    await add(page, "Delay")
    await expect(node(page, "wait")).to_be_visible()
    await deploy(page, "More branches")
    value = flow(site, path)["value"]["modules"][0]["value"]
    assert [each.get("summary") for each in value["branches"]] == ["In between", None]
    assert [each["id"] for each in value["default"]] == ["wait"]
    await node(page, "choose").locator("header").click()
    await form.get_by_role("button", name="Remove branch 1").click()
    await expect(form.get_by_role("button", name="Remove branch 1")).to_be_disabled()


async def test_empty_branch_is_filled_from_outline(page: Page, site: Site) -> None:
    await opened(page, site, CHOOSE, "?panel=outline")
    await page.get_by_role("treeitem", name="Otherwise of choose").focus()
    await page.keyboard.press("n")
    await add(page, "Identity")
    item = page.get_by_role("treeitem")
    added = item.filter(has_text="pass")
    await expect(added).to_have_attribute("aria-level", "2")
    # The tree has the commands of the canvas: move, connect, disable, rename, copy, delete, undo.
    await added.focus()
    await page.keyboard.press("ArrowDown")
    await expect(item.filter(has_text="ask")).to_be_focused()
    await page.keyboard.press("n")
    await add(page, "Delay")
    await item.filter(has_text="choose").first.focus()
    await page.keyboard.press("c")
    await page.get_by_placeholder("Select the next node").fill("wait")
    await page.get_by_role("option", name="wait").wait_for()
    await page.keyboard.press("Enter")
    await expect(item.filter(has_text="wait")).to_contain_text("after ask and choose")
    await item.filter(has_text="wait").focus()
    await page.keyboard.press("d")
    await expect(page.get_by_role("button", name="Undo: Disable wait")).to_be_visible()
    await page.keyboard.press("Delete")
    await expect(item.filter(has_text="wait")).to_have_count(0)
    await page.keyboard.press("Control+z")
    await expect(item.filter(has_text="wait")).to_have_count(1)
    await item.filter(has_text="wait").focus()
    await page.keyboard.press("F2")
    await page.get_by_label("Id", exact=True).fill("rest")
    await page.keyboard.press("Enter")
    await expect(node(page, "rest")).to_be_visible()


async def test_inputs_of_the_workflow_and_of_an_approval_are_made_by_form(page: Page, site: Site) -> None:
    path = await opened(page, site, CHOOSE)
    await page.keyboard.press("w")
    form = page.get_by_role("region", name="Workflow input")
    await form.get_by_label("Field name").fill("n")
    await page.keyboard.press("Enter")
    await form.get_by_label("Type of n").select_option("integer")
    await form.get_by_label("Required").check()
    await form.get_by_label("Field name").fill("day")
    await page.keyboard.press("Enter")
    await form.get_by_role("button", name="Move field day up").click()
    await node(page, "ask").click()
    form = page.get_by_role("region", name="Approval form")
    await form.get_by_label("Field name").fill("reason")
    await form.get_by_role("button", name="Add field").click()
    await form.get_by_label("Description of reason").fill("Why")
    await deploy(page, "Asks")
    found = flow(site, path)
    assert found["schema"]["properties"] == {"n": {"type": "integer"}, "day": {"type": "string"}}
    assert found["schema"]["required"] == ["n"] and found["schema"]["order"] == ["day", "n"]
    form_of = found["value"]["modules"][1]["value"]["form"]
    assert form_of["properties"] == {"reason": {"type": "string", "description": "Why"}}
    await page.get_by_role("button", name="Test", exact=True).click()
    labels = page.locator("form label")
    await expect(labels.nth(0)).to_have_text("day")
    await expect(labels.nth(1)).to_have_text("n")
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Required")


async def test_single_iteration_is_selected_on_graph(page: Page, site: Site) -> None:
    await opened(page, site, LOOP)
    # The button of an edge inside the loop is not covered, even if the loop is selected when the page opens.
    await page.goto(f"{page.url}?panel=node&node=each")
    await page.get_by_role("button", name="Add a node between check and after").click(trial=True)
    await page.keyboard.press("Control+Enter")
    await expect(node(page, "each").locator("header [data-state=succeeded]")).to_be_visible(timeout=60_000)
    picker = page.get_by_role("group", name="Iteration of each")
    await expect(picker).to_contain_text("of 3")
    await picker.get_by_role("button", name="Next iteration").click()
    await expect(node(page, "check").locator("[data-state=succeeded]")).to_be_visible()
    await picker.get_by_label("Iteration number").fill("2")
    await expect(node(page, "check").locator("[data-state=failed]")).to_be_visible()
    await picker.get_by_label("Iteration number").fill("3")
    await expect(node(page, "check").locator("[data-state=succeeded]")).to_be_visible()
    await node(page, "check").click()
    await page.locator("[data-canvas]").press("o")
    await expect(page.locator('[data-result="Output of check"]')).to_have_text('"is 9"')
    # The iteration can also be selected in the panel, and in the last run after a reload.
    here = page.get_by_label("Test of check").get_by_role("group", name="Iteration of each")
    await here.get_by_role("button", name="Previous iteration").click()
    await expect(page.get_by_role("region", name="Output of check").locator("[data-error]")).to_be_visible()
    await page.reload()
    await page.get_by_role("tab", name="Input").click()
    await expect(page.get_by_label("Test of check")).to_contain_text("Shows the first iteration of each.")
    await expect(page.locator('[data-result="Input of check"]')).to_contain_text('"n": 7')
    await here.get_by_label("Iteration number").fill("3")
    await expect(page.locator('[data-result="Input of check"]')).to_contain_text('"n": 9')
    await here.get_by_label("Iteration number").fill("1")
    await page.get_by_role("tab", name="Logs").click()
    logs = page.get_by_role("region", name="Logs of check")
    await expect(logs).to_contain_text("is 7")
    await logs.get_by_role("button", name="Show times").click()
    await expect(logs.locator("pre")).to_have_text(re.compile(r"\d\d:\d\d:\d\d[.,]\d{3}  .*is 7", re.DOTALL))
