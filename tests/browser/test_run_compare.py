"""Comparison of two runs, also of different versions, opened from a run or the list: the first differing node."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_run_page import run, started

pytestmark = pytest.mark.extended

LINE = """value:
  modules:
    - id: fetch
      value: {type: rawscript, language: bash, content: 'echo one', input_transforms: {}}
    - id: total
      value:
        type: rawscript
        language: python3
        content: |
          def main(n: int):
              return {"sum": n, "of": "orders"}
        input_transforms: {n: {type: javascript, expr: flow_input.n}}
    - {id: send, value: {type: identity}}
"""
EXIT = """value:
  modules:
    - id: leave
      value:
        type: rawscript
        language: bash
        content: |
          code="$1"
          exit "$code"
        input_transforms: {code: {type: javascript, expr: flow_input.code}}
"""


def ended(site: Site, id: str) -> None:
    site.client.get(f"/api/w/main/jobs_u/getupdate_sse/{id}")


async def test_two_runs_are_laid_side_by_side(page: Page, site: Site) -> None:
    path, first = started(site, LINE, {"n": 1})
    ended(site, first)
    text = LINE.replace("{id: send,", "{id: mail,").replace("orders", "mails")
    body = {"path": path, "source": {"format": "yaml", "text": text}}
    second = run(site, path, {"n": 2})
    ended(site, second)
    answer = site.client.post(f"/api/w/main/flows/update/{path}", json=body)
    assert answer.status_code < 300, answer.text
    third = run(site, path, {"n": 2})
    ended(site, third)

    # From the page of a run.
    await page.goto(f"/w/main/runs/{second}")
    await page.get_by_role("button", name="Compare…").click()
    await page.get_by_role("option", name=re.compile(f"Succeeded.*{first[:13]}")).click()
    await expect(page).to_have_url(re.compile(f"/runs/{first}/compare/{second}$"))
    verdict = page.get_by_role("status").filter(has_text="First difference")
    await expect(verdict).to_have_text("First difference: total. Output differs. Inputs differ.")
    nodes = page.get_by_role("table", name="Nodes of both runs")
    await expect(nodes.get_by_role("row", name=re.compile("^fetch"))).to_contain_text("Succeeded")
    await expect(nodes.locator("tr[data-parts=true]")).to_contain_text(["Input", "total", "send", "Result"])
    places = page.get_by_role("table", name="Differences")
    await expect(places.get_by_role("row").nth(1)).to_have_text(re.compile(r"sum\s*1\s*2"))
    await nodes.get_by_role("button", name="fetch").click()
    await expect(page.get_by_text("The same value in both runs:")).to_be_visible()
    await nodes.get_by_role("button", name="Input of the run").click()
    await expect(places.get_by_role("row").nth(1)).to_have_text(re.compile(r"n\s*1\s*2"))

    # Between versions: one graph with the nodes of both, including removed ones.
    await page.goto(f"/w/main/runs/{second}/compare/{third}")
    changed = r"total\. Changed between the versions\. Output.*Different versions ran"
    await expect(verdict).to_have_text(re.compile(changed))
    await expect(nodes.get_by_role("row", name=re.compile("^mail"))).not_to_contain_text("Pending")
    graph = page.get_by_role("region", name="First run and Second run as one graph")
    await expect(graph.get_by_title("First run: Succeeded").first).to_be_visible()
    await expect(graph.locator('[data-mark="renamed"]').first).to_contain_text("mail")
    await graph.get_by_text("total", exact=False).first.click()
    await expect(page.get_by_role("heading", name="total")).to_be_visible()
    await expect(page).to_have_url(re.compile("node=total"))

    # From the list, with two selected runs.
    await page.goto(f"/w/main/runs?path={path}")
    boxes = page.get_by_role("checkbox", name=re.compile("Select run of"))
    await boxes.nth(0).check()
    await boxes.nth(1).check()
    await page.get_by_role("link", name="Compare").click()
    await expect(page).to_have_url(re.compile(f"/runs/{second}/compare/{third}$"))


async def test_previous_run_of_workflow_is_selected(page: Page, site: Site) -> None:
    """A test, which may be of a single node, and an earlier success come after it."""
    path, success = started(site, EXIT, {"code": 0})
    failure = run(site, path, {"code": 1})
    body = {"path": path, "value": {"modules": [{"id": "take", "value": {"type": "identity"}}]}, "args": {}}
    test = site.client.post("/api/w/main/jobs/run/preview_flow", json=body).text
    last = run(site, path, {"code": 1})
    for each in (success, failure, test, last):
        ended(site, each)
    await page.goto(f"/w/main/runs/{last}")
    await page.get_by_role("button", name="Compare…").click()
    selected = page.get_by_role("option", selected=True)
    await expect(selected).to_have_text(re.compile(f"^Failed.*{failure[:13]}"))
    groups = {"Previous run": failure, "Last success": success, "Earlier runs": test}
    for name, id in groups.items():
        option = page.get_by_role("group", name=name).get_by_role("option")
        await expect(option).to_have_count(1)
        await expect(option).to_contain_text(id[:13])
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(f"/runs/{failure}/compare/{last}$"))
