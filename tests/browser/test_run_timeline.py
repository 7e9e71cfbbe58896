"""Timeline of a run: waiting and running times, attempts, iterations, a selection shared with the graph."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import node
from tests.browser.test_run_page import consent, started

pytestmark = pytest.mark.extended

LOOPING = """value:
  modules:
    - id: flaky
      retry: {constant: {attempts: 1, seconds: 0}}
      continue_on_error: true
      value: {type: rawscript, language: bash, content: 'false', input_transforms: {}}
    - id: each
      value:
        type: forloopflow
        iterator: {type: javascript, expr: "[1, 2, 3]"}
        skip_failures: false
        modules:
          - {id: one, value: {type: rawscript, language: bash, content: 'echo 1', input_transforms: {}}}
          - {id: two, value: {type: rawscript, language: bash, content: 'echo 2', input_transforms: {}}}
          - id: deep
            value:
              type: forloopflow
              iterator: {type: javascript, expr: "[1, 2]"}
              skip_failures: false
              modules: [{id: x, value: {type: identity}}, {id: y, value: {type: identity}}]
    - {id: ask, value: {type: approval, message: Go on?}}
    - {id: last, value: {type: identity}}
"""

MANY = """value:
  modules:
    - id: each
      value:
        type: forloopflow
        iterator: {type: javascript, expr: "Array.from({length: 10000}, (_, n) => n)"}
        skip_failures: false
        parallel: true
        modules: [{id: one, value: {type: identity}}]
"""


async def test_timeline_selection_matches_graph(page: Page, site: Site) -> None:
    _, id = started(site, LOOPING)
    await page.goto(f"/w/main/runs/{id}?tab=timeline")
    grid = page.get_by_role("treegrid", name="Timeline")

    def line(name: str) -> Any:
        return grid.get_by_role("row").filter(has=page.get_by_text(name, exact=True))

    await expect(line("ask")).to_contain_text("Waiting", timeout=60_000)
    await expect(line("ask").locator("rect[data-kind=waiting]")).to_have_count(1)
    await expect(line("last")).to_contain_text("Pending")
    await expect(line("flaky").locator("rect[data-kind=running]")).to_have_count(2)
    await expect(line("flaky").locator("rect[data-kind=queued]").first).to_have_count(1)
    await expect(line("flaky")).to_contain_text(re.compile("queued .* ran "))
    consent(site, id, "ask")
    await expect(line("last")).to_contain_text("Succeeded")
    await expect(line("ask")).to_contain_text(re.compile("waited .*s"))

    # By keyboard: the attempts of a node, the iterations of a loop, the nodes of an iteration.
    await line("flaky").focus()
    await page.keyboard.press("ArrowRight")
    await expect(line("Attempt 1")).to_contain_text("Failed")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("node=flaky.*attempt=1"))
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("ArrowLeft")
    await expect(line("Attempt 1")).to_have_count(0)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowRight")
    await expect(line("each[3]")).to_contain_text(re.compile(r"Succeeded\W*ran \d"))
    await line("each[2]").click()
    await page.keyboard.press("ArrowRight")
    await line("two").click()
    await expect(line("two")).to_contain_text(re.compile(r"ran .*\S"))
    await expect(line("two").locator("td").last).to_have_text(re.compile(r"\S"))
    await expect(line("two")).to_have_attribute("aria-selected", "true")
    await expect(page).to_have_url(re.compile(r"node=two.*at=each\.2"))
    # A loop inside a loop: its iterations, and the nodes of one of them.
    await line("deep").click()
    await page.keyboard.press("ArrowRight")
    await expect(line("deep[2]")).to_contain_text("Succeeded")
    await line("deep[2]").click()
    await page.keyboard.press("ArrowRight")
    await line("y").click()
    below = [int(str(await line(name).get_attribute("aria-rowindex"))) for name in ("deep[2]", "x", "y")]
    assert below == [below[0], below[0] + 1, below[0] + 2]
    await expect(line("y")).to_have_attribute("aria-selected", "true")
    await expect(line("y")).to_have_attribute("aria-level", "5")
    await expect(page).to_have_url(re.compile(r"node=y.*at=each\.2\.deep\.2"))
    await page.get_by_role("tab", name="Graph").click()
    await expect(page.get_by_label("Iteration number").first).to_have_value("2")
    await expect(node(page, "flaky").locator("[data-state=failed]")).to_have_text(re.compile(r"×2 \d.*s"))
    await expect(node(page, "flaky").locator("[data-state=failed] svg")).to_be_visible()


@pytest.mark.soak
async def test_ten_thousand_iterations_are_scrolled(page: Page, site: Site) -> None:
    _, id = started(site, MANY)
    await page.goto(f"/w/main/runs/{id}?tab=timeline")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Succeeded", timeout=300_000)
    grid = page.get_by_role("treegrid", name="Timeline")
    began = await page.evaluate("performance.now()")
    await grid.get_by_role("row").nth(1).focus()
    await page.keyboard.press("ArrowRight")
    await expect(grid).to_have_attribute("aria-rowcount", "10002")
    await page.keyboard.press("End")
    await expect(grid.get_by_text("each[10000]", exact=True)).to_be_visible()
    await expect(grid.get_by_role("row").filter(has_text="each[10000]")).to_contain_text("Succeeded")
    found = {"to_the_end_ms": await page.evaluate("performance.now()") - began}
    found |= await page.evaluate(MEASURE)
    print(json.dumps({name: round(value, 1) for name, value in found.items()}))
    assert found["drawn"] < 100


MEASURE = """async () => {
  const port = document.querySelector('[role=treegrid]').parentElement;
  const frames = [];
  const whole = port.scrollHeight - port.clientHeight;
  let last = performance.now();
  for (let step = 1; step <= 240; step++) {
    port.scrollTop = (whole * step) / 240;
    await new Promise((done) => requestAnimationFrame(done));
    frames.push(performance.now() - last);
    last = performance.now();
  }
  frames.sort((one, other) => one - other);
  return {median: frames[120], p95: frames[228], worst: frames[239],
          heap_mb: performance.memory.usedJSHeapSize / 1048576, drawn: port.querySelectorAll('[data-index]').length};
}"""
