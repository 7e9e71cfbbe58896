"""Iterations of loops on the page of a run: their edges and nodes, and those that end at a condition."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import node
from tests.browser.test_run_page import stands, started

LOOP = """value:
  modules:
    - id: each
      value:
        type: forloopflow
        iterator: {type: javascript, expr: "[1, 2, 3]"}
        skip_failures: false
        modules:
          - {id: check, value: {type: condition, expr: flow_input.iter.value > 1}}
          - {id: big, needs: [{node: check, "on": "true"}], value: {type: identity}}
          - {id: last, needs: [big], value: {type: identity}}
    - {id: after, value: {type: identity}}
"""


async def test_edges_of_a_loop_are_taken_in_all_and_in_one_iteration(page: Page, site: Site) -> None:
    _, id = started(site, LOOP)
    await page.goto(f"/w/main/runs/{id}")
    await stands(page, "after", "succeeded")
    for edge in ("check big", "big last", "each after"):
        await expect(page.locator(f'[data-edge="{edge} taken"]')).to_have_count(1)
    number = node(page, "each").get_by_label("Iteration number")
    await number.fill("1")
    await stands(page, "big", "skipped")
    for edge in ("check big", "big last"):
        await expect(page.locator(f'[data-edge="{edge} open"]')).to_have_count(1)
    await number.fill("2")
    await stands(page, "big", "succeeded")
    await expect(page.locator('[data-edge="check big taken"]')).to_have_count(1)


async def test_iteration_that_ended_at_a_condition_says_so(page: Page, site: Site) -> None:
    _, id = started(site, LOOP)
    await page.goto(f"/w/main/runs/{id}?node=each")
    await stands(page, "after", "succeeded")
    pane = page.get_by_role("complementary", name="Node each")
    await expect(pane).to_contain_text("1 of 3 iterations ended at the condition check: no later node ran")
    await expect(pane.locator('[data-value="Output of each"]')).to_contain_text("null")
    await page.goto(f"/w/main/runs/{id}?node=each&at=each.1")
    await expect(pane).to_contain_text("This iteration ended at the condition check")
    await page.goto(f"/w/main/runs/{id}?node=last&at=each.1")
    inner = page.get_by_role("complementary", name="Node last")
    await expect(inner).to_contain_text("Skipped: this iteration ended at the condition check.")
    await page.goto(f"/w/main/runs/{id}?node=last&at=each.2")
    await expect(inner.locator('[data-value="Output of last"]')).to_have_text("true")
    await expect(inner).not_to_contain_text("ended at the condition")


async def test_count_of_iterations_says_how_many_are_reused(page: Page, site: Site) -> None:
    _, id = started(site, LOOP)
    await page.goto(f"/w/main/runs/{id}?node=each&at=each.3")
    await stands(page, "after", "succeeded")
    pane = page.get_by_role("complementary", name="Node each")
    await expect(pane).to_contain_text("3 iterations")
    await expect(pane).not_to_contain_text("reused")
    where = {"step_id": "each", "branch_or_iteration_n": 2}
    answer = site.client.post(f"/api/w/main/jobs/restart/f/{id}", json=where)
    assert answer.status_code < 300, answer.text
    await page.goto(f"/w/main/runs/{answer.text}?node=each")
    await expect(pane).to_contain_text("3 iterations, 2 reused from an earlier run")
    number = node(page, "each").get_by_label("Iteration number")
    await number.fill("2")
    await expect(node(page, "last").get_by_title("Reused output")).to_be_visible()
    await expect(node(page, "last").locator("[data-state=succeeded]")).to_have_text("Reused")
    await number.fill("3")
    await expect(node(page, "last").locator("[data-state=succeeded]")).to_have_text(re.compile(r"\d+ m?s"))
    await expect(node(page, "last").get_by_title("Reused output")).to_have_count(0)
    await page.get_by_role("tab", name="Timeline").click()
    await page.locator('[data-row="node each"]').focus()
    await page.keyboard.press("ArrowRight")
    for place, word in ((1, "Reused"), (2, "Reused"), (3, "Succeeded")):
        await expect(page.locator(f'[data-row="iteration each {place}"]')).to_contain_text(word)
