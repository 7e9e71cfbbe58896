"""Editing of workflows by mouse, by keyboard and as text; drafts, undo, deployment."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect
from tests.browser.conftest import Site, write_code

LIST = """# Said at the top.
summary: Three steps
value:
  modules:
    # The first one.
    - {id: one, value: {type: identity}}   # beside it
    - id: two
      value: {type: identity}
    - id: three
      value:
        type: rawscript
        language: bash
        content: echo 3
        input_transforms:
          x: {type: javascript, expr: results.one}
"""
_numbers = itertools.count()


async def opened(page: Page, site: Site, source: str = LIST, query: str = "", problems: str = "No problems") -> str:
    """Deploy a new workflow, open it, wait for its number of problems, and return its path."""
    path = f"f/editing/w{next(_numbers)}"
    site.deploy(path, source)
    await page.goto(f"/w/main/workflows/{path}{query}")
    await expect(page.get_by_role("button", name=problems)).to_be_visible()
    return path


def node(page: Page, id: str) -> Locator:
    return page.locator(f'.react-flow__node[data-id="{id}"]')


def flow(site: Site, path: str) -> Any:
    return site.client.get(f"/api/w/main/flows/get/{path}").json()


async def draft_saved(page: Page) -> None:
    await expect(page.get_by_text("Draft saved")).to_be_visible()


async def archive(page: Page) -> None:
    """Open the dialog that archives or deletes the workflow."""
    await page.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Archive or delete…").click()


async def deploy(page: Page, message: str) -> None:
    await page.get_by_role("button", name="Deploy").click()
    await page.get_by_label("What changed?").fill(message)
    await page.get_by_role("dialog").get_by_role("button", name="Deploy").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_text("Deployed. New runs use this version.").last).to_be_visible()


async def add(page: Page, word: str) -> None:
    """Choose a kind of node in the palette that is open."""
    await page.get_by_placeholder("Add a node").fill(word)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_node_inserted_on_edge_deploys_with_comments_preserved(page: Page, site: Site) -> None:
    path = await opened(page, site)
    await page.get_by_role("button", name="Add a node between one and two").click()
    await add(page, "Delay")
    await expect(node(page, "wait")).to_be_visible()
    await expect(page.locator(".react-flow__edge")).to_have_count(3)
    await draft_saved(page)
    await deploy(page, "Wait a little")
    found = flow(site, path)
    assert [each["id"] for each in found["value"]["modules"]] == ["one", "wait", "two", "three"]
    value = "      value:\n        type: delay\n        seconds:\n          type: static\n          value: 5\n"
    added = f"    - id: wait\n{value}"
    assert found["source"]["text"] == LIST.replace("    - id: two\n", f"{added}    - id: two\n")
    history = site.client.get(f"/api/w/main/versions/list/flow/{path}").json()
    assert history[0]["message"] == "Wait a little" and len(history) == 2


async def test_deleting_reconnects_and_every_step_is_undone_by_its_name(page: Page, site: Site) -> None:
    await opened(page, site)
    await node(page, "two").click()
    await page.locator("[data-canvas]").press("Delete")
    await expect(node(page, "two")).to_have_count(0)
    await expect(page.locator(".react-flow__edge")).to_have_count(1)
    await page.get_by_role("button", name="Undo: Delete two").click()
    await expect(node(page, "two")).to_be_visible()
    await page.get_by_role("button", name="Redo: Delete two").click()
    await expect(node(page, "two")).to_have_count(0)
    await draft_saved(page)
    await page.reload()
    await expect(node(page, "one")).to_be_visible()
    await expect(node(page, "two")).to_have_count(0)
    await page.get_by_role("button", name="Undo: Delete two").click()
    await expect(node(page, "two")).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text="Deployed")).to_be_visible()
    # After deleting a node whose output is used, the page names its users.
    await node(page, "one").click()
    await page.locator("[data-canvas]").press("Delete")
    await expect(page.get_by_text("The deleted output is still used by three.")).to_be_visible()


async def test_history_of_a_tab_is_read_at_each_visit(page: Page, site: Site) -> None:
    # What was read while the scripts were loaded must not be shown again, however soon the next visit is.
    await page.clock.set_fixed_time(datetime.now(UTC))
    path = await opened(page, site)
    await node(page, "two").click()
    await page.locator("[data-canvas]").press("Delete")
    await draft_saved(page)
    await page.get_by_role("link", name="Workflows", exact=True).click()
    await expect(page.get_by_role("heading", level=1, name="Workflows")).to_be_visible()
    await page.go_back()
    await expect(node(page, "one")).to_be_visible()
    await expect(page).to_have_url(re.compile(path))
    await expect(page.get_by_role("button", name="Undo: Delete two")).to_be_visible()


@pytest.mark.extended
async def test_renaming_node_rewrites_references(page: Page, site: Site) -> None:
    path = await opened(page, site, query="?panel=node&node=one")
    await page.get_by_label("Id", exact=True).fill("first")
    await page.keyboard.press("Enter")
    await expect(node(page, "first")).to_be_visible()
    await deploy(page, "A better name")
    text = flow(site, path)["source"]["text"]
    assert text == LIST.replace("{id: one", "{id: first").replace("results.one", "results.first")


async def test_node_kind_is_replaced_and_code_is_edited_in_full_size(page: Page, site: Site) -> None:
    path = await opened(page, site)
    await node(page, "three").click(button="right")
    await page.get_by_role("menuitem", name="Replace with…").click()
    await page.get_by_role("dialog", name="Replace three with").get_by_role("combobox").fill("python")
    await page.get_by_role("option", name="Python", exact=False).first.click()
    await expect(node(page, "three")).to_contain_text("Python")
    await page.get_by_role("button", name="Edit in full size").click()
    full = page.get_by_role("dialog", name="Code of three")
    code = full.get_by_role("textbox", name="Code")
    await write_code(code, "def main(x):\n    return x\n")
    await code.press("Escape")
    await expect(full).to_have_count(0)
    await draft_saved(page)
    await deploy(page, "Python in place of Bash")
    three = flow(site, path)["value"]["modules"][2]
    assert (three["value"]["language"], three["value"]["content"]) == ("python3", "def main(x):\n    return x\n")
    assert three["value"]["input_transforms"] == {"x": {"type": "javascript", "expr": "results.one"}}


async def test_duplicate_node_id_is_rejected_with_message(page: Page, site: Site) -> None:
    await opened(page, site, query="?panel=node&node=one")
    await page.get_by_label("Id", exact=True).fill("two")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("The id two is already in use.")).to_be_visible()
    # The typed id remains beside its error, and can be corrected.
    await expect(page.get_by_label("Id", exact=True)).to_have_value("two")
    await expect(page.get_by_role("alert")).to_have_count(1)
    await page.get_by_label("Id", exact=True).fill("first")
    await expect(page.get_by_text("The id two is already in use.")).to_have_count(0)
    await page.keyboard.press("Enter")
    await expect(node(page, "first")).to_be_visible()


async def test_workflow_is_composed_with_keyboard_only(page: Page, site: Site) -> None:
    path = await opened(page, site, "value: {modules: []}\n")
    for word in ("Python", "Condition", "For-each loop", "Approval"):
        await page.keyboard.press("n")
        await add(page, word)
        await page.locator("[data-canvas]").evaluate("canvas => document.activeElement.blur()")
    await expect(page.locator(".react-flow__edge")).to_have_count(3)
    for _ in range(2):
        await page.keyboard.press("ArrowUp")
    await page.keyboard.press("c")
    await page.get_by_placeholder("Select the next node").fill("approval")
    await page.keyboard.press("Enter")
    await expect(page.locator(".react-flow__edge")).to_have_count(4)
    await page.keyboard.press("d")
    await page.keyboard.press("Control+Shift+s")
    await page.get_by_label("What changed?").fill("By keys")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Deployed. New runs use this version.")).to_be_visible()
    modules = flow(site, path)["value"]["modules"]
    assert [each["id"] for each in modules] == ["script", "check", "each", "approval"]
    assert modules[1]["skip_if"] == {"expr": "true"}
    assert modules[2]["needs"] == [{"node": "check", "on": "true"}]
    assert modules[3]["needs"] == ["each", {"node": "check", "on": "false"}]


async def test_yaml_and_graph_follow_each_other_and_bad_text_destroys_nothing(page: Page, site: Site) -> None:
    await opened(page, site, query="?panel=yaml")
    text = page.get_by_label("YAML of the workflow")
    await text.click()
    await page.keyboard.press("Control+End")
    await page.keyboard.insert_text("    - {id: four, value: {type: identity}}\n")
    await expect(node(page, "four")).to_be_visible()
    await page.keyboard.insert_text("   bad: [\n")
    await expect(page.get_by_role("alert")).to_contain_text("Line")
    await expect(node(page, "four")).to_be_visible()
    await expect(page.get_by_role("button", name="Deploy")).to_be_disabled()
    await page.keyboard.press("Control+z")
    await expect(page.get_by_role("alert")).to_have_count(0)
    # A control shows the stored value, not a refused change.
    await page.keyboard.insert_text("   bad: [\n")
    await expect(page.get_by_role("alert")).to_contain_text("Line")
    await node(page, "three").click()
    await page.get_by_text("Approval before the next node").click()
    await page.get_by_label("Wait for approval").click()
    await expect(page.get_by_text("The YAML is invalid. Fix it first.")).to_be_visible()
    await expect(page.get_by_label("Wait for approval")).not_to_be_checked()


async def test_problems_are_the_servers_and_lead_to_the_node(page: Page, site: Site) -> None:
    await opened(page, site, query="?panel=node&node=three")
    await page.get_by_text("Advanced: ").click()
    await page.get_by_label("Retries").fill("5000")
    await page.get_by_role("button", name="1 problem").click()
    await expect(node(page, "three").get_by_title("Error: see Problems")).to_be_visible()
    await page.get_by_role("button", name="Close").click()
    await page.locator("[data-canvas]").evaluate("canvas => document.activeElement.blur()")
    await page.keyboard.press("m")
    await page.get_by_label("Problems", exact=True).get_by_role("button").filter(has_text="three").click()
    await expect(page.get_by_label("Id", exact=True)).to_have_value("three")
    await page.get_by_role("button", name="Deploy").click()
    await expect(page.get_by_role("dialog").get_by_role("button", name="Deploy")).to_be_disabled()


async def test_two_pages_on_one_draft_lose_nothing(page: Page, site: Site) -> None:
    path = await opened(page, site, query="?panel=node&node=one")
    other = await page.context.new_page()
    await other.goto(f"/w/main/workflows/{path}?panel=node&node=two")
    await expect(node(other, "two")).to_be_visible()
    await page.get_by_role("textbox", name="Name", exact=True).fill("Of this page")
    await draft_saved(page)
    await other.get_by_role("textbox", name="Name", exact=True).fill("Of the other")
    await expect(other.get_by_role("alert")).to_contain_text("Another page has saved this draft")
    await other.get_by_role("button", name="Keep this draft").click()
    await draft_saved(other)
    stored = site.client.get(f"/api/w/main/drafts/flow/{path}").json()["value"]["source"]["text"]
    assert "Of the other" in stored and "Of this page" not in stored
    await page.get_by_role("textbox", name="Name", exact=True).fill("Of this page again")
    await page.get_by_role("button", name="Use the other draft").click()
    await expect(node(page, "two")).to_contain_text("Of the other")


@pytest.mark.extended
async def test_unknown_keys_of_a_newer_client_stay(page: Page, site: Site) -> None:
    source = LIST.replace("summary: Three", "x-future: {deep: [1, 2]}\nsummary: Three")
    path = await opened(page, site, source, "?panel=node&node=two")
    await page.get_by_role("textbox", name="Name", exact=True).fill("Known")
    await draft_saved(page)
    await deploy(page, "")
    assert "x-future: {deep: [1, 2]}\n" in flow(site, path)["source"]["text"]


@pytest.mark.extended
async def test_expired_session_preserves_edit(page: Page, site: Site) -> None:
    await opened(page, site, query="?panel=node&node=two")
    await expect(page.get_by_role("textbox", name="Name", exact=True)).to_be_visible()
    # Otherwise a refused request of the loading page would show the login during the input and take its focus.
    await page.wait_for_load_state("networkidle")
    await page.context.clear_cookies()
    await page.get_by_role("textbox", name="Name", exact=True).fill("Written before the login")
    await expect(page.get_by_text("Your session has expired")).to_be_visible()
    await page.get_by_label("E-mail address").fill("admin@example.org")
    await page.get_by_label("Password").fill("correct horse")
    await page.get_by_role("button", name="Log in", exact=True).click()
    await expect(node(page, "two")).to_contain_text("Written before the login")
    await draft_saved(page)


HEAD_HAS_ONE_LINE = """() => {
  const box = (name) => document.querySelector(`[aria-label="${name}"]`).getBoundingClientRect();
  return box("More actions").top < box("Workflow views").bottom;
}"""


async def test_narrow_window_edits_and_panel_has_its_width_and_scrollbars(page: Page, site: Site) -> None:
    # The size of 1440 x 900 at a zoom of 200 %.
    await page.set_viewport_size({"width": 720, "height": 450})
    await opened(page, site)
    await node(page, "three").click()
    panel = page.get_by_role("complementary", name="Node")
    await panel.get_by_role("textbox", name="Name", exact=True).fill("The third")
    await page.get_by_role("button", name="Add a node between one and two").click()
    await add(page, "Delay")
    await expect(page.locator(".react-flow__edge")).to_have_count(3)
    await draft_saved(page)
    await page.set_viewport_size({"width": 1440, "height": 500})
    await node(page, "three").click()
    edge = page.get_by_role("separator", name="Width of the panel")
    await edge.focus()
    for _ in range(20):
        await edge.press("ArrowLeft")
    await expect(edge).to_have_attribute("aria-valuenow", "720")
    await edge.press("ArrowRight")
    await page.reload()
    await expect(edge).to_have_attribute("aria-valuenow", "696")
    box = await panel.bounding_box()
    assert box is not None and round(box["width"]) == 696
    # The head of the form stays while the form is scrolled, and so does the test next to it.
    await panel.get_by_role("tab", name="Output").click()
    test = panel.get_by_role("region", name="Test of three")
    await panel.get_by_text("Advanced").scroll_into_view_if_needed()
    await expect(panel.get_by_role("textbox", name="Id", exact=True)).not_to_be_in_viewport()
    await expect(panel.get_by_role("button", name="Duplicate")).to_be_in_viewport(ratio=0.99)
    await expect(test.get_by_role("button", name="Test three")).to_be_in_viewport(ratio=0.99)
    # The views stay in place, and the menu returns the focus.
    views = page.get_by_role("navigation", name="Workflow views")
    before = await views.bounding_box()
    await views.get_by_role("link", name="Versions").click()
    await expect(page.get_by_role("button", name="Node library")).to_have_count(0)
    assert await views.bounding_box() == before
    await views.get_by_role("link", name="Graph").click()
    more = page.get_by_role("button", name="More actions")
    await more.press("Enter")
    await expect(page.get_by_role("menuitem", name="Tidy up")).to_be_focused()
    await page.keyboard.press("ArrowUp")
    await expect(page.get_by_role("menuitem", name="Archive or delete…")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(more).to_be_focused()
    # A long name is truncated, and the head has one line.
    await page.get_by_role("button", name="Workflow settings").click()
    await page.get_by_label("Name", exact=True).fill("A long name " * 20)
    await expect(page.get_by_role("heading", level=1)).to_have_attribute("title", re.compile("A long name A long"))
    await page.set_viewport_size({"width": 1440, "height": 900})
    for change in ("Expand navigation", "Collapse navigation"):
        await page.get_by_role("button", name=change).click()
        await expect(page.get_by_role("button", name=change)).to_have_count(0)
        # Chromium applies the width of a container to its contents in a later frame.
        await page.wait_for_function(HEAD_HAS_ONE_LINE)
    await page.set_viewport_size({"width": 390, "height": 844})
    for name in ("Test", "Deploy", "More actions", "Node library", "YAML", "No problems"):
        await expect(page.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=0.99)
    await expect(views.get_by_role("link", name="Triggers")).to_be_in_viewport(ratio=0.99)
