"""Edges of conditions: nodes connected on the page run on true or on false, never on both."""

from __future__ import annotations

import itertools
import re
from typing import Any

from playwright.async_api import Page, Position, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import add, deploy, flow, node, opened

CHECK = "value:\n  modules:\n    - id: check\n      value: {type: condition, expr: 1 > 0}\n"
LOOSE = CHECK + "".join(f"    - id: {id}\n      needs: []\n      value: {{type: identity}}\n" for id in ("yes", "no"))
PAY = """value:
  modules:
    - {id: ask, value: {type: approval, message: Pay?}}
    - {id: pay, needs: [{node: ask, "on": approved}], value: {type: identity}}
"""
SUCCESS = CHECK + "    - id: both\n      needs: [check]\n      value: {type: identity}\n"

# Both boxes are read at once, because the canvas moves when it is arranged or fitted.
LABEL_IS_BELOW_ITS_NODE = """label => label.getBoundingClientRect().top
    >= label.closest(".react-flow__node").getBoundingClientRect().bottom"""


def needs(site: Site, path: str) -> dict[str, Any]:
    return {module["id"]: module.get("needs") for module in flow(site, path)["value"]["modules"]}


async def test_nodes_added_after_a_condition_run_on_true_and_on_false(page: Page, site: Site) -> None:
    path = await opened(page, site, CHECK)
    for expected in ("true", "false"):
        await node(page, "check").hover()
        await page.get_by_role("button", name="Add a node after check").click()
        await add(page, "Identity")
        await expect(page.locator(f"[data-on={expected}]")).to_be_visible()
    await expect(page.get_by_role("button", name="No problems")).to_be_visible()
    await deploy(page, "")
    on = [{"node": "check", "on": outcome} for outcome in ("true", "false")]
    assert needs(site, path) == {"check": None, "pass": [on[0]], "pass_2": [on[1]]}
    # A new node contains an example, and the form of a loop describes its result.
    await node(page, "check").hover()
    await page.get_by_role("button", name="Add a node after check").click()
    await add(page, "For-each loop")
    await expect(page.get_by_role("button", name="1 problem")).to_be_visible()
    form = page.get_by_role("complementary", name="Node")
    await expect(form.get_by_role("alert")).to_contain_text("Select the list to loop over.")
    await expect(form.get_by_text("a list with the output of item for each iteration")).to_be_visible()


async def test_labelled_handles_of_a_condition_connect_on_their_outcome(page: Page, site: Site) -> None:
    path = await opened(page, site, LOOSE)
    # All edges are drawn from a handle with an outcome.
    await expect(node(page, "check").locator(".react-flow__handle.source.connectable")).to_have_count(2)
    for target, outcome in (("yes", "false"), ("no", "true")):
        handle = node(page, "check").locator(f'.react-flow__handle[data-handleid="{outcome}"]')
        await expect(handle).to_have_text(outcome)
        assert await handle.get_by_text(outcome).evaluate(LABEL_IS_BELOW_ITS_NODE)
        # An edge may be dropped on the handle or anywhere on the node.
        end = node(page, target)
        await handle.drag_to(end.locator(".react-flow__handle.target") if target == "yes" else end)
        await expect(page.locator(f'[data-edge^="check {target}"]')).to_contain_text(outcome)
        # The outcome is now shown at the edge instead.
        await expect(handle.get_by_text(outcome)).to_be_hidden()
    await deploy(page, "")
    found = needs(site, path)
    assert found["yes"] == [{"node": "check", "on": "false"}]
    assert found["no"] == [{"node": "check", "on": "true"}]


async def test_edge_dropped_on_empty_canvas_adds_a_connected_node(page: Page, site: Site) -> None:
    path = await opened(page, site, LOOSE)
    handle = node(page, "check").locator('.react-flow__handle[data-handleid="false"]')
    canvas = await page.locator("[data-canvas]").bounding_box()
    assert canvas
    place: Position = {"x": canvas["width"] * 0.8, "y": canvas["height"] * 0.4}
    # Without a choice, nothing is added.
    await handle.drag_to(page.locator("[data-canvas]"), target_position=place)
    await page.get_by_placeholder("Add a node").press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.locator(".react-flow__edge")).to_have_count(0)
    await handle.drag_to(page.locator("[data-canvas]"), target_position=place)
    await add(page, "Delay")
    await expect(page.locator('[data-edge^="check wait"]')).to_contain_text("false")
    await expect(page.get_by_role("button", name="No problems")).to_be_visible()
    await deploy(page, "")
    assert needs(site, path) == {"check": None, "yes": [], "no": [], "wait": [{"node": "check", "on": "false"}]}
    assert list(flow(site, path)["value"]["ui"]["nodes"]) == ["wait"]


async def test_edge_dropped_on_empty_canvas_adds_a_branch(page: Page, site: Site) -> None:
    path = await opened(page, site)
    canvas = await page.locator("[data-canvas]").bounding_box()
    assert canvas
    await (
        node(page, "one")
        .locator(".react-flow__handle.source")
        .drag_to(
            page.locator("[data-canvas]"),
            target_position={"x": canvas["width"] * 0.8, "y": canvas["height"] * 0.4},
        )
    )
    await add(page, "Delay")
    await expect(page.locator('[data-edge^="one wait"]')).to_be_visible()
    await expect(page.locator(".react-flow__edge")).to_have_count(3)
    await deploy(page, "")
    assert needs(site, path) == {"one": None, "two": None, "three": None, "wait": ["one"]}


async def test_success_edge_of_a_condition_is_a_problem(page: Page, site: Site) -> None:
    path = "u/admin/success_edge"
    site.deploy(path, SUCCESS)
    await page.goto(f"/w/main/workflows/{path}")
    await page.get_by_role("button", name="1 problem").click()
    await expect(page.get_by_text("which a condition has on true and on false")).to_be_visible()


BOTH = CHECK + "".join(
    f"    - id: {id}\n      needs: [{{node: check, on: '{on}'}}]\n      value: {{type: identity}}\n"
    for id, on in (("no", "false"), ("yes", "true"))
)
STARTS_AT_ITS_HANDLE = """edge => {
  const path = edge.querySelector(".react-flow__edge-path");
  const start = path.getPointAtLength(0).matrixTransform(path.getScreenCTM());
  const on = edge.getAttribute("data-id").split(":").at(-1);
  const box = document.querySelector(`[data-id="check"] [data-handleid="${on}"]`).getBoundingClientRect();
  return box.left - 1 <= start.x && start.x <= box.right + 1;
}"""


async def test_edges_of_condition_start_at_their_handles_and_do_not_cross(page: Page, site: Site) -> None:
    await opened(page, site, BOTH)
    edges = page.locator(".react-flow__edge")
    await expect(edges).to_have_count(2)
    assert [await edge.evaluate(STARTS_AT_ITS_HANDLE) for edge in await edges.all()] == [True, True]
    places = [await node(page, id).bounding_box() for id in ("yes", "no")]
    assert places[0] and places[1] and places[0]["x"] < places[1]["x"]
    # A second edge into the same node has a label beside that of the first.
    handle = node(page, "check").locator('.react-flow__handle[data-handleid="false"]')
    await handle.drag_to(node(page, "yes"))
    await expect(page.locator('[data-edge^="check yes"]')).to_have_count(2)
    labels = [await each.bounding_box() for each in await page.locator("[data-on]").all()]
    assert all(labels) and not any(
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
        for one, other in itertools.combinations([each for each in labels if each], 2)
    )


async def test_form_and_label_of_edge_explain_its_outcome(page: Page, site: Site) -> None:
    path = await opened(page, site, PAY, "?panel=node&node=pay")
    outcome = page.get_by_label("Outcome of ask")
    approved = "ask has the required approvals. A timeout is not an approval."
    await expect(outcome).to_have_accessible_description(approved)
    await expect(page.get_by_title(approved)).to_have_text("approved")
    await outcome.select_option("success")
    await expect(outcome).to_have_accessible_description("ask was approved, or continues without an approval.")
    run = site.client.post(f"/api/w/main/jobs/run/f/{path}", json={}).text
    await page.goto(f"/w/main/runs/{run}?node=ask")
    await expect(page.get_by_title(approved)).to_have_text("approved")
    await expect(page.get_by_role("button", name="Approve")).to_have_attribute(
        "title", re.compile("“approved” and “success” of ask")
    )
    await expect(page.get_by_role("button", name="Reject")).to_have_attribute(
        "title", re.compile("Without such an edge it fails")
    )


async def test_deleted_condition_keeps_the_branch_on_true_and_disables_the_other(page: Page, site: Site) -> None:
    path = await opened(page, site, BOTH)
    before = needs(site, path)
    await node(page, "check").click()
    await page.locator("[data-canvas]").press("Delete")
    await expect(page.get_by_text("Disabled, because they ran only on another outcome")).to_contain_text(": no")
    disabled = page.get_by_role("group", name=re.compile("node .*, disabled"))
    await expect(disabled).to_contain_text(["no"])
    # The condition, its edges and the state of the nodes return in one step.
    await page.get_by_role("button", name="Undo: Delete check").click()
    await expect(page.locator("[data-on=false]")).to_be_visible()
    await expect(disabled).to_have_count(0)
    await page.get_by_role("button", name="Redo: Delete check").click()
    await deploy(page, "")
    modules = {each["id"]: each for each in flow(site, path)["value"]["modules"]}
    assert before["no"] == [{"node": "check", "on": "false"}]
    assert {id: each.get("skip_if") for id, each in modules.items()} == {"no": {"expr": "true"}, "yes": None}
