"""A run's page: how it stands, live and after a lost connection, what is selected in the address."""

from __future__ import annotations

import itertools
import re
from typing import Any

from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import node

TWELVE = """value:
  modules:
    - {id: first, value: {type: identity}}
    - {id: ask, value: {type: approval, message: Go on?}}
    - {id: left, needs: [ask], value: {type: identity}}
    - {id: right, needs: [ask], value: {type: identity}}
    - {id: meet, needs: [left, right], value: {type: condition, expr: "true"}}
    - id: each
      needs: [{node: meet, "on": "true"}]
      value:
        type: forloopflow
        iterator: {type: javascript, expr: "[3, 1, 2]"}
        skip_failures: false
        modules:
          - id: say
            value:
              type: rawscript
              language: bash
              content: 'echo "item $1"; echo $1'
              input_transforms: {n: {type: javascript, expr: flow_input.iter.value}}
          - {id: again, value: {type: identity}}
    - {id: not_taken, needs: [{node: meet, "on": "false"}], value: {type: identity}}
    - {id: hold, needs: [each], value: {type: approval, message: Still?}}
    - {id: after, needs: [hold], value: {type: identity}}
    - {id: last, needs: [after], value: {type: identity}}
"""
_numbers = itertools.count()


def started(site: Site, source: str, args: dict[str, Any] | None = None) -> tuple[str, str]:
    """The path of a new workflow and the id of a run of it."""
    path = f"f/runs/w{next(_numbers)}"
    site.deploy(path, source)
    return path, run(site, path, args)


def run(site: Site, path: str, args: dict[str, Any] | None = None) -> str:
    answer = site.client.post(f"/api/w/main/jobs/run/f/{path}", json=args or {})
    assert answer.status_code == 201, answer.text
    return answer.text


def consent(site: Site, id: str, node: str, decision: str = "approved") -> None:
    body = {"decision": decision, "node": node}
    answer = site.client.post(f"/api/v1/runs/{id}/consent", json=body, headers={"X-Workspace": "main"})
    assert answer.status_code < 300, answer.text


async def stands(page: Page, id: str, state: str) -> None:
    await expect(node(page, id).locator(f"[data-state={state}]").first).to_be_visible(timeout=60_000)


async def test_twelve_nodes_with_a_loop_are_watched_live_through_a_lost_connection(page: Page, site: Site) -> None:
    _, id = started(site, TWELVE)
    await page.goto(f"/w/main/runs/{id}")
    await stands(page, "ask", "waiting")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("awaiting approval")
    consent(site, id, "ask")
    await stands(page, "hold", "waiting")
    await expect(node(page, "each").first).to_contain_text("of 3")
    await stands(page, "not_taken", "skipped")
    await expect(page.locator('[data-edge="meet each taken"]')).to_have_count(1)
    await expect(page.locator('[data-edge="meet not_taken dead"]')).to_have_count(1)

    await page.context.set_offline(True)
    await expect(page.get_by_text("The server is not heard")).to_be_visible()
    consent(site, id, "hold")
    await page.context.set_offline(False)
    await stands(page, "last", "succeeded")
    await expect(page.get_by_text("The server is not heard")).to_have_count(0)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("succeeded")


async def test_what_is_looked_at_stands_in_the_address(page: Page, site: Site) -> None:
    _, id = started(site, TWELVE)
    await page.goto(f"/w/main/runs/{id}?node=say&at=each.2")
    await stands(page, "ask", "waiting")
    consent(site, id, "ask")
    await expect(page.get_by_label("Number of the iteration")).to_have_value("2")
    await stands(page, "say", "succeeded")
    await node(page, "left").click()
    await expect(page).to_have_url(re.compile(r"node=left&at=each\.2"))
    await page.get_by_role("button", name="The iteration before").click()
    await expect(page).to_have_url(re.compile(r"at=each\.1"))
    await page.get_by_role("tab", name="Timeline").click()
    await expect(page).to_have_url(re.compile(r"tab=timeline&node=left"))
    await page.go_back()
    await node(page, "left").click()
    await page.keyboard.press("ArrowUp")
    await expect(page).to_have_url(re.compile(r"node=ask"))
