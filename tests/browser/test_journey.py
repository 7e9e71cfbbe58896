"""Creation of a workflow of ten nodes with a branch, a loop and an approval, by mouse and by keyboard.

It is tested, deployed, triggered, changed and restored.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import add, deploy, flow, node, opened
from tests.browser.test_versions import versions

pytestmark = pytest.mark.extended

EMPTY = "summary: The long journey\nvalue:\n  modules: []\n"
STEPS = ["script", "choose", "each", "approval", "check", "pass", "script_2"]
WHOLE = {*STEPS, "when", "otherwise", "item"}
CODE = "echo '{\"rows\": 3}'"


def trigger(site: Site, path: str) -> Any:
    """Start a run by webhook, approve it, and return the result."""
    run = site.client.post(f"/api/w/main/jobs/run/f/{path}", json={}).text
    asked = False
    headers = {"X-Workspace": "main", "Accept": "text/event-stream"}
    with site.client.stream("GET", f"/api/v1/runs/{run}/stream", headers=headers) as lines:
        for line in lines.iter_lines():
            if "awaiting_approval" in line and not asked:
                asked = True
                body = {"decision": "approved", "node": "approval"}
                answer = site.client.post(f"/api/v1/runs/{run}/consent", json=body, headers={"X-Workspace": "main"})
                assert answer.status_code < 300, answer.text
            if line == "event: end":
                break
    assert asked
    return site.client.get(f"/api/w/main/jobs_u/completed/get/{run}").json()


def built(site: Site, path: str) -> None:
    modules = flow(site, path)["value"]["modules"]
    assert [each["id"] for each in modules] == STEPS
    choose, each = modules[1]["value"], modules[2]["value"]
    inner = [choose["branches"][0]["modules"], choose["default"], each["modules"]]
    assert [[one["id"] for one in part] for part in inner] == [["when"], ["otherwise"], ["item"]]


async def code_is(page: Page, text: str) -> None:
    """Replace the code of the selected node in the focused editor."""
    await page.keyboard.press("Control+a")
    await page.keyboard.insert_text(text)


async def test_by_mouse(page: Page, site: Site) -> None:
    path = await opened(page, site, EMPTY)
    await page.get_by_label("Workflow graph").get_by_role("button", name="Add a node").click()
    kinds = ["Bash", "Switch", "For-each loop", "Approval", "Condition", "Identity", "Bash"]
    for before, kind in zip([None, *STEPS[:-1]], kinds, strict=True):
        if before:
            await node(page, before).hover(position={"x": 12, "y": 12})
            await node(page, before).get_by_role("button", name=f"Add a node after {before}").click()
        await page.get_by_role("option", name=kind).first.click()
        await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.locator(".react-flow__node-card, .react-flow__node-group")).to_have_count(10)
    # One node is tested, and its output pinned and unpinned.
    await page.get_by_role("button", name="Fit to view").click()
    await node(page, "script").click()
    await page.get_by_label("Code").click()
    await code_is(page, CODE)
    await page.get_by_role("button", name="Test this node").click()
    await expect(node(page, "script").locator("[data-state=succeeded]")).to_be_visible(timeout=60_000)
    await page.get_by_role("button", name="Fit to view").click()
    await node(page, "script").click()
    await page.get_by_role("button", name="Pin output").first.click()
    await expect(page.get_by_text("returns its pinned output")).to_be_visible()
    await page.get_by_role("button", name="Unpin output").first.click()
    # An edge for one outcome: the condition runs after an approval but not after a rejection.
    await page.get_by_role("button", name="Fit to view").click()
    await node(page, "check").click()
    await page.get_by_label("Outcome of approval").select_option("approved")
    await deploy(page, "From nothing")
    built(site, path)
    assert flow(site, path)["value"]["modules"][4]["needs"] == [{"node": "approval", "on": "approved"}]
    done = trigger(site, path)
    assert done["success"] is True
    # A test run is started and approved on the page.
    await page.get_by_role("button", name="Test", exact=True).click()
    await page.get_by_role("button", name="Run", exact=True).click()
    await page.get_by_role("button", name="Approve", exact=True).click()
    await expect(page.get_by_label("Workflow result")).to_be_visible()
    # A second version without a node is compared with the first one, which is restored.
    await page.get_by_role("button", name="Fit to view").click()
    await node(page, "pass").click()
    await page.get_by_role("button", name="Delete and reconnect").first.click()
    await deploy(page, "Without pass")
    await page.get_by_role("link", name="Versions").click()
    await expect(node(page, "pass")).to_contain_text("Removed")
    await versions(page).nth(1).get_by_role("button").first.click()
    await page.get_by_role("button", name="Restore as draft").click()
    await deploy(page, "As it was")
    built(site, path)


async def test_journey_with_keyboard_only(page: Page, site: Site) -> None:
    path = await opened(page, site, EMPTY)
    for kind in ["Bash", "Switch", "For-each loop", "Approval", "Condition", "Identity", "Bash"]:
        await page.keyboard.press("n")
        await add(page, kind)
    await expect(page.locator(".react-flow__node-card, .react-flow__node-group")).to_have_count(10)
    await rename_first_node_and_undo(page)
    await connect_first_node_with_last(page)
    await run_and_pin_node(page)
    await deploy_by_keys(page, "By keys alone")
    await expect(page.get_by_text("Deployed. New runs use this version.")).to_be_visible()
    built(site, path)
    assert trigger(site, path)["success"] is True
    await delete_pass(page)
    await deploy_by_keys(page, "Without pass")
    await expect(page.get_by_role("status").get_by_text("Deployed", exact=True)).to_be_visible()
    await restore_first_version(page)
    await deploy_by_keys(page, "As it was")
    await expect(page.get_by_role("status").get_by_text("Deployed", exact=True)).to_be_visible()
    built(site, path)


async def rename_first_node_and_undo(page: Page) -> None:
    press = page.keyboard.press
    for _ in range(len(STEPS) - 1):
        await press("ArrowUp")
    await expect(node(page, "script")).to_contain_class("selected")
    await press("F2")
    await expect(page.get_by_label("Id", exact=True)).to_be_focused()
    await press("Control+a")
    await page.keyboard.type("begin")
    await press("Enter")
    await expect(node(page, "begin")).to_be_visible()
    await press("Control+z")
    await expect(node(page, "script")).to_be_visible()


async def connect_first_node_with_last(page: Page) -> None:
    """Search the last node by its id, and connect the first node to it."""
    press = page.keyboard.press
    await press("Control+f")
    await page.keyboard.type("script_2")
    await press("Enter")
    await expect(page.get_by_label("Id", exact=True)).to_have_value("script_2")
    for _ in range(len(STEPS) - 1):
        await press("ArrowUp")
    await press("c")
    await page.keyboard.type("script_2")
    await press("Enter")
    await expect(page.locator('[data-edge^="script script_2"]')).to_have_count(1)


async def run_and_pin_node(page: Page) -> None:
    """Test the first node, show its output, and pin and unpin it."""
    press = page.keyboard.press
    await press("Shift+Enter")
    await expect(node(page, "script").locator("[data-state=succeeded]")).to_be_visible(timeout=60_000)
    await press("o")
    await expect(page.locator('[data-result="Output of script"]')).to_have_text("{}")
    await press("p")
    await expect(page.get_by_role("button", name="Undo: Pin output of script")).to_be_visible()
    await press("p")


async def deploy_by_keys(page: Page, message: str) -> None:
    await page.keyboard.press("Control+Shift+s")
    await page.keyboard.type(message)
    await page.keyboard.press("Enter")


async def delete_pass(page: Page) -> None:
    press = page.keyboard.press
    await press("Control+f")
    await page.keyboard.type("pass")
    await press("Enter")
    await page.locator("[data-canvas]").press("Delete")
    await expect(node(page, "pass")).to_have_count(0)


async def restore_first_version(page: Page) -> None:
    """Compare the first version, which has one more node, and restore it as a draft."""
    press = page.keyboard.press
    await page.get_by_role("link", name="Versions").press("Enter")
    await expect(node(page, "pass")).to_contain_text("Removed")
    await versions(page).first.get_by_role("button").focus()
    await press("ArrowDown")
    await press("Enter")
    await page.get_by_role("button", name="Restore as draft").press("Enter")
    await expect(page.get_by_role("button", name="Undo: Restore version 2")).to_be_visible()
