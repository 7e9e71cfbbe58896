"""Breakpoints on the page of a run: pause before a node or an iteration, inspect and change inputs, continue."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import ONE_LOOK, Site
from tests.browser.test_accessibility import check
from tests.browser.test_editing import node
from tests.browser.test_run_page import run, stands

pytestmark = pytest.mark.extended

CHARGES = """value:
  output: {type: javascript, expr: "[results.charge, results.each[1]]"}
  modules:
    - {id: ask, value: {type: approval, message: Go on?}}
    - id: charge
      value:
        type: rawscript
        language: python3
        content: "def main(amount, currency): return [amount, currency]"
        input_transforms:
          amount: {type: javascript, expr: flow_input.amount}
          currency: {type: static, value: EUR}
    - id: each
      value:
        type: forloopflow
        iterator: {type: static, value: [1, 2, 3]}
        skip_failures: false
        modules:
          - {id: tell, value: {type: identity}}
    - {id: last, value: {type: identity}}
"""
PATH = "f/runs/charges"


async def test_paused_run_continues_with_changed_inputs(page: Page, site: Site) -> None:
    site.deploy(PATH, CHARGES)
    id = run(site, PATH, {"amount": 1200})
    await page.goto(f"/w/main/runs/{id}")
    await stands(page, "ask", "waiting")
    pane = page.get_by_role("complementary", name="Node charge")
    await node(page, "charge").click()
    await pane.get_by_role("button", name="Pause before this node").click()
    await expect(pane.get_by_text("Breakpoint set by")).to_be_visible()
    await expect(node(page, "charge").get_by_title("Breakpoint")).to_be_visible()
    await node(page, "tell").click()
    inside = page.get_by_role("complementary", name="Node tell")
    await inside.get_by_label("Condition").fill("flow_input.iter.value === 2")
    await page.keyboard.press("Enter")
    await expect(inside.get_by_text("flow_input.iter.value === 2")).to_be_visible()
    body = {"decision": "approved", "node": "ask"}
    site.client.post(f"/api/v1/runs/{id}/consent", json=body, headers={"X-Workspace": "main"})

    await stands(page, "charge", "paused")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Paused")
    await node(page, "charge").click()
    inputs = pane.get_by_label("Inputs of the node")
    await expect(inputs).to_have_value('{\n  "amount": 1200,\n  "currency": "EUR"\n}')
    await inputs.fill("{")
    await expect(pane.get_by_role("alert")).to_contain_text("Invalid JSON")
    await inputs.fill('{"amount": 12, "currency": "***"}')
    await expect(pane.get_by_role("alert")).to_contain_text("*** hides a secret")
    await inputs.fill('{"amount": 12, "currency": "EUR"}')
    await expect(pane.get_by_text("Changed: amount")).to_be_visible()
    await pane.get_by_role("button", name="Continue with these inputs").click()
    await stands(page, "charge", "succeeded")

    await stands(page, "tell", "paused")
    await node(page, "tell").click()
    card = inside.get_by_role("article", name="tell is paused in iteration 1")
    await card.get_by_text("Set a result instead").click()
    await card.get_by_label("Result", exact=True).fill('{"told": 7}')
    await card.get_by_role("button", name="Continue with this result").click()
    await stands(page, "last", "succeeded")
    await expect(page.get_by_role("region", name="Breakpoint")).to_have_count(0)
    result = site.client.get(f"/api/w/main/jobs_u/completed/get_result/{id}").json()
    assert result == [[12, "EUR"], {"told": 7}]


@pytest.mark.parametrize(("scheme", "width"), ONE_LOOK)
async def test_paused_run_is_accessible(page: Page, site: Site, scheme: str, width: int) -> None:
    await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    await page.set_viewport_size({"width": width, "height": 900})
    site.deploy(
        f"{PATH}_{scheme}_{width}", CHARGES.replace("- {id: ask, value: {type: approval, message: Go on?}}", "")
    )
    path = f"/api/w/main/jobs/run/f/{PATH}_{scheme}_{width}?pause_before=charge,last"
    id = site.client.post(path, json={"amount": 1}).text
    await page.goto(f"/w/main/runs/{id}?node=charge")
    await expect(page.get_by_label("Inputs of the node")).to_be_visible()
    await check(page)
