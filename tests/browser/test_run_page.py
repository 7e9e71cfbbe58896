"""Page of a run: its state, live and after a lost connection; the selection is part of the address."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect
from tests import processes
from tests.browser.conftest import Site
from tests.browser.test_editing import node
from tests.installation import PATIENCE_S

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
    """Deploy a new workflow and start a run; return the path and the id of the run."""
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


@pytest.mark.extended
async def test_twelve_nodes_with_a_loop_are_watched_live_through_a_lost_connection(page: Page, site: Site) -> None:
    _, id = started(site, TWELVE)
    await page.goto(f"/w/main/runs/{id}")
    await stands(page, "ask", "waiting")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Awaiting approval")
    consent(site, id, "ask")
    await stands(page, "hold", "waiting")
    await expect(node(page, "each").first).to_contain_text("of 3")
    await stands(page, "not_taken", "skipped")
    await expect(page.locator('[data-edge="meet each taken"]')).to_have_count(1)
    await expect(page.locator('[data-edge="meet not_taken dead"]')).to_have_count(1)

    await page.context.set_offline(True)
    await expect(page.get_by_text("Connection lost. Retrying…", exact=True)).to_be_visible()
    consent(site, id, "hold")
    await page.context.set_offline(False)
    await stands(page, "last", "succeeded")
    await expect(page.get_by_text("Connection lost. Retrying…", exact=True)).to_have_count(0)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Succeeded")


@asynccontextmanager
async def held(page: Page, files: str) -> AsyncIterator[None]:
    """Block the loading of some files until the end of the block, in which at least one must be requested."""
    asked, released = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await released.wait()
        await route.continue_()

    await page.route(files, hold)
    try:
        yield
        await asyncio.wait_for(asked.wait(), PATIENCE_S)
        async with page.expect_response(files):
            released.set()
    finally:
        # The page cannot be closed while a request is blocked.
        released.set()
        await page.unroute(files)


async def test_selection_is_stored_in_url(page: Page, site: Site) -> None:
    _, id = started(site, TWELVE)
    await page.goto(f"/w/main/runs/{id}?node=say&at=each.2")
    await stands(page, "ask", "waiting")
    consent(site, id, "ask")
    await expect(node(page, "each").get_by_label("Iteration number")).to_have_value("2")
    await stands(page, "say", "succeeded")
    # The graph moves while nodes start, and a click may miss a node that moves.
    await stands(page, "hold", "waiting")
    await node(page, "left").click()
    await expect(page).to_have_url(re.compile(r"node=left&at=each\.2"))
    await node(page, "each").get_by_role("button", name="Previous iteration").click()
    await expect(page).to_have_url(re.compile(r"at=each\.1"))
    async with held(page, "**/assets/timeline-*.js"):
        await page.get_by_role("tab", name="Timeline").click()
        await expect(page).to_have_url(re.compile(r"tab=timeline&node=left"))
        await page.go_back()
        await node(page, "left").click()
    await page.keyboard.press("ArrowUp")
    await expect(page).to_have_url(re.compile(r"node=ask"))


async def toast(page: Page, text: str) -> None:
    await expect(page.get_by_role("status").filter(has_text=text).last).to_be_visible()


FAILS = """value:
  modules:
    - {id: begin, value: {type: identity}}
    - id: each
      value:
        type: forloopflow
        iterator: {type: javascript, expr: flow_input.items}
        skip_failures: false
        modules:
          - {id: take, value: {type: identity}}
          - id: choose
            value:
              type: branchone
              branches:
                - expr: flow_input.iter.value > flow_input.most
                  modules:
                    - {id: before, value: {type: identity}}
                    - id: divide
                      value:
                        type: rawscript
                        language: python3
                        content: |
                          def main(n: int):
                              return 1 / (n - 3)
                        input_transforms: {n: {type: javascript, expr: flow_input.iter.value + 0}}
              default: []
          - {id: keep, value: {type: identity}}
    - {id: end, value: {type: identity}}
schema:
  type: object
  properties: {items: {type: array}, most: {type: integer}}
summary: Divides each item
"""


PASS = "value: {modules: [{id: pass, value: {type: identity}}]}\n"
CALLS = """value:
  modules:
    - id: call
      value:
        type: flow
        path: {path}
        input_transforms:
          items: {{type: javascript, expr: flow_input.items}}
          most: {{type: javascript, expr: flow_input.most}}
"""


@pytest.mark.extended
async def test_failure_is_shown_first_and_loop_continues(page: Page, site: Site) -> None:
    path, successful = started(site, FAILS, {"items": [1, 2], "most": 0})
    await page.goto(f"/w/main/runs/{successful}")
    await check_facts(page, path, successful)
    failed = run(site, path, {"items": [1, 2, 3], "most": 1})
    await page.goto(f"/w/main/runs/{failed}")
    await check_first_error(page)
    await open_failed_node(page)
    await restart_from_failed_node(page)
    await preview_retry_and_restart_of_iteration(page)

    site.deploy(f"{path}_outer", CALLS.format(path=path))
    caller = run(site, f"{path}_outer", {"items": [3], "most": 1})
    body = {"path": path, "source": {"format": "yaml", "text": FAILS.replace("return 1 /", "return 2 /")}}
    site.client.post(f"/api/w/main/flows/update/{path}", json=body).raise_for_status()
    await page.reload()
    await retry_with_current_version(page)
    await page.goto(f"/w/main/runs/{failed}")
    await run_again_with_current_version(page)
    await search_data(page)
    await page.goto(f"/w/main/runs/{caller}")
    await check_error_of_called_run(page)


async def check_facts(page: Page, path: str, id: str) -> None:
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Succeeded", timeout=60_000)
    await expect(page.get_by_role("heading", level=1).get_by_role("link", name="Divides each item")).to_be_visible()
    facts = (
        ("Path", path),
        ("Id", id[:13]),
        ("Duration", r"\d.*s"),
        ("Version", "1"),
        ("Started by", "admin"),
        ("Trigger", "API"),
    )
    for name, value in facts:
        fact = page.locator("dl div").filter(has=page.get_by_text(name, exact=True))
        await expect(fact.get_by_role("definition")).to_have_text(re.compile(value))
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy the id").click()
    assert await page.evaluate("navigator.clipboard.readText()") == id


async def check_first_error(page: Page) -> None:
    first = page.get_by_label("First error")
    await expect(first).to_contain_text("ZeroDivisionError in divide", timeout=60_000)
    await expect(first).to_contain_text("iteration 3 of each, branch 1 of choose, line 2")
    await expect(first).to_contain_text("Inputs changed: items, most")
    await expect(first.locator("pre")).to_contain_text("return 1 / (n - 3)")
    await first.get_by_text("Input", exact=True).click()
    await expect(first.locator('[data-value="Input of divide"]')).to_contain_text("n: 3")


async def open_failed_node(page: Page) -> None:
    """Open the failed node from the error: its data, its place in the editor, and back."""
    await page.get_by_label("First error").get_by_role("button", name="divide").click()
    await expect(page).to_have_url(re.compile(r"node=divide&at=each\.3"))
    pane = page.get_by_role("complementary", name="Node divide")
    await expect(pane.locator('[data-value="Output of divide"]')).to_contain_text("division by zero")
    received = pane.locator('[data-value="Input of divide"]')
    await expect(received).to_contain_text("n: 3")
    await expect(received.get_by_text("n = flow_input.iter.value + 0")).to_be_hidden()
    await received.get_by_text("Expressions").click()
    await expect(received.get_by_text("n = flow_input.iter.value + 0")).to_be_visible()
    await pane.get_by_role("link", name="Edit this node").click()
    await expect(page.get_by_label("Id", exact=True)).to_have_value("divide")
    await page.go_back()


async def restart_from_failed_node(page: Page) -> None:
    pane = page.get_by_role("complementary", name="Node divide")
    await pane.get_by_role("button", name="Restart from here").click()
    preview = page.get_by_role("dialog")
    for part, id in (("kept", "begin"), ("kept", "before"), ("again", "divide"), ("again", "keep"), ("again", "end")):
        await expect(preview.locator(f'[data-part={part}][data-node="{id}"]')).to_be_visible()
    await expect(preview).to_contain_text("Continues at number 3, 2 iterations or branches reused")
    await preview.get_by_role("button", name="Start run").click()
    await toast(page, "Started a new run")
    await expect(page.get_by_text("Restarted from", exact=True)).to_be_visible()
    await stands(page, "begin", "succeeded")
    await expect(page.get_by_label("First error")).to_contain_text("ZeroDivisionError in divide", timeout=60_000)
    # A run that reuses results cannot be recorded.
    await expect(page.get_by_role("button", name="Run again…")).to_be_visible()
    await expect(page.get_by_role("button", name="Keep as test")).to_have_count(0)


async def preview_retry_and_restart_of_iteration(page: Page) -> None:
    preview = page.get_by_role("dialog")
    await page.get_by_role("button", name="Retry from the failed node").click()
    await expect(preview.locator('[data-part=again][data-node="divide"]')).to_be_visible()
    await preview.get_by_role("button", name="Cancel").click()
    await page.goto(f"{page.url.partition('?')[0]}?node=each&at=each.3")
    # The error is loaded later and moves the graph.
    await expect(page.get_by_label("First error")).to_contain_text("Inputs changed: items, most")
    each = page.get_by_role("complementary", name="Node each")
    await each.get_by_role("button", name="Restart from iteration 3").click()
    await expect(preview.locator('[data-part=again][data-node="each"]')).to_contain_text(
        "2 iterations or branches reused"
    )
    await preview.get_by_role("button", name="Cancel").click()


async def retry_with_current_version(page: Page) -> None:
    preview = page.get_by_role("dialog")
    await page.get_by_role("button", name="Retry from the failed node").click()
    choice = preview.get_by_label("Version of the new run")
    await expect(choice.locator("option:checked")).to_have_text("Version 2, the current one")
    await preview.get_by_role("button", name="Start run").click()
    await toast(page, "Started a new run")
    await expect(page.get_by_role("link", name="2", exact=True)).to_be_visible()


async def run_again_with_current_version(page: Page) -> None:
    preview = page.get_by_role("dialog")
    await page.get_by_role("button", name="Run again…").click()
    await preview.get_by_label("Use the current version instead of version 1").check()
    await preview.get_by_label("items").fill("[1, 5]")
    await preview.get_by_role("button", name="Run again").click()
    await toast(page, "Started a new run of the current version")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Succeeded", timeout=60_000)
    await expect(page.get_by_role("link", name="2", exact=True)).to_be_visible()


async def search_data(page: Page) -> None:
    result = page.get_by_label("Start of the result")
    await expect(result).to_contain_text("2 items")
    await page.get_by_role("button", name="Show all data").click()
    await expect(page).to_have_url(re.compile(r"tab=data$"))
    await page.get_by_label("Search data").fill("most")
    await expect(page.get_by_label("Matches").first).to_have_text("most 1")


async def check_error_of_called_run(page: Page) -> None:
    first = page.get_by_label("First error")
    await expect(first).to_contain_text("ZeroDivisionError in divide, run called by call", timeout=60_000)
    await first.get_by_role("link", name="divide").click()
    await expect(first).to_contain_text("iteration 1 of each, branch 1 of choose")
    await expect(page.get_by_text("Called by")).to_be_visible()


@pytest.mark.extended
async def test_large_result_is_expanded_and_collapsed(page: Page, site: Site) -> None:
    _, id = started(site, PASS, {f"key_{n}": n for n in range(40)})
    result = page.get_by_label("Start of the result")
    await page.goto(f"/w/main/runs/{id}")
    await page.get_by_role("button", name="Expand").click()
    await expect(result.get_by_text("key_20")).to_be_in_viewport()
    await page.get_by_role("button", name="Collapse", exact=True).click()
    await expect(page.get_by_role("button", name="Expand")).to_be_visible()


PREPROCESSED = """value:
  preprocessor_module:
    id: preprocessor
    value: {type: rawscript, language: bash, content: "echo '{\\"order\\": 7}'", input_transforms: {}}
  modules: [{id: a, value: {type: identity}}]
"""


async def test_data_shows_inputs_before_and_after_preprocessor(page: Page, site: Site) -> None:
    _, id = started(site, PREPROCESSED, {"raw": "seven"})
    await page.goto(f"/w/main/runs/{id}?tab=data")
    await expect(page.locator('[data-value="Received inputs"]')).to_contain_text("raw: seven")
    await expect(page.locator('[data-value="Inputs"]')).to_contain_text("order: 7", timeout=60_000)


@contextmanager
def stopped_worker(site: Site) -> Iterator[None]:
    """Stop the worker process until the end of the block; its supervisor continues to send heartbeats."""
    (worker,) = site.client.get("/api/workers/list").json()
    supervisor = worker["worker"].rpartition("-")[2]
    (process,) = processes.children(int(supervisor))
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


ENDLESS = """document.getAnimations().filter((each) => each.effect.getComputedTiming().endTime === Infinity)
  .map((each) => each.animationName)"""


async def test_run_is_cancelled_and_script_run_has_page(page: Page, site: Site) -> None:
    code = {"content": "echo said; sleep 600", "language": "bash", "args": {"name": "Ada"}}
    id = site.client.post("/api/w/main/jobs/run/preview", json=code).text
    await page.goto(f"/w/main/runs/{id}")
    await expect(page.get_by_role("tab")).to_have_text(["Timeline", "Logs", "Data"])
    await expect(page.locator('[data-value="Inputs"]')).to_contain_text("name: Ada")
    await page.get_by_role("tab", name="Logs").click()
    await expect(page.get_by_role("tabpanel")).to_contain_text("said", timeout=60_000)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Running")
    # The user prefers reduced motion.
    assert not await page.evaluate(ENDLESS)
    with stopped_worker(site):
        await page.get_by_role("button", name="Cancel run").click()
        await toast(page, "Cancelling the run…")
        await page.get_by_role("button", name="Force cancel").click()
        await toast(page, "Run cancelled without waiting for its workers.")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Cancelled", timeout=60_000)
    await expect(page.get_by_text("Cancelled by")).to_be_visible()


async def test_cancelled_run_continues_where_it_was_cancelled(page: Page, site: Site) -> None:
    """No node of it failed."""
    source = """value:
  modules:
    - {id: begin, value: {type: identity}}
    - {id: ask, value: {type: approval, message: "Go on?"}}
"""
    _, id = started(site, source)
    await page.goto(f"/w/main/runs/{id}")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Awaiting approval")
    site.client.post(f"/api/w/main/jobs_u/queue/cancel/{id}", json={}).raise_for_status()
    await page.get_by_role("button", name="Continue from where it was cancelled").click()
    await expect(page.get_by_role("button", name="Retry from the failed node")).to_have_count(0)
    preview = page.get_by_role("dialog", name="Continue from where it was cancelled")
    await expect(preview.locator('[data-part=kept][data-node="begin"]')).to_be_visible()
    await expect(preview.locator('[data-part=again][data-node="ask"]')).to_be_visible()


async def test_approval_is_decided_before_breakpoints_and_rerun_is_cancelled(page: Page, site: Site) -> None:
    source = """value:
  modules:
    - {id: ask, value: {type: approval, message: "Shall it be?"}}
    - {id: after, value: {type: identity}}
"""
    _, id = started(site, source)
    await page.goto(f"/w/main/runs/{id}?node=after")
    await expect(page.get_by_role("button", name="Pause before this node")).to_be_visible()
    await node(page, "ask").click()
    pane = page.get_by_role("complementary", name="Node ask")
    await expect(pane.get_by_role("button", name="Approve")).to_be_visible()
    await expect(pane.get_by_role("button", name="Pause before this node")).to_have_count(0)
    await page.get_by_role("button", name="Run again…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_refused_restart_offers_the_approval(page: Page, site: Site) -> None:
    """A decision of a person does not permit the same nodes twice: the dialog has the rule and the way out."""
    source = """value:
  modules:
    - {id: ask, value: {type: approval, message: "Pay once?", approvers: [u/admin]}}
    - {id: pay, value: {type: identity}}
"""
    _, id = started(site, source)
    body = {"decision": "approved", "node": "ask"}
    site.client.post(f"/api/v1/runs/{id}/consent", json=body, headers={"X-Workspace": "main"}).raise_for_status()
    await page.goto(f"/w/main/runs/{id}?node=pay")
    await page.get_by_role("button", name="Restart from here").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("alert")).to_contain_text("The decision about ask was made for nodes")
    await expect(dialog).not_to_contain_text("Something went wrong")
    await dialog.get_by_role("button", name="Restart from ask").click()
    await expect(page.get_by_role("dialog", name="Restart from ask")).to_be_visible()
    for node_id in ("ask", "pay"):
        await expect(dialog.locator(f'[data-part=again][data-node="{node_id}"]')).to_be_visible()


SOMETIMES = """value:
  modules:
    - id: each
      value:
        type: forloopflow
        iterator: {type: javascript, expr: "[0, 1]"}
        skip_failures: false
        modules:
          - {id: large, value: {type: condition, expr: flow_input.iter.value > 0}}
          - id: say
            needs: [{node: large, "on": "true"}]
            value: {type: rawscript, language: bash, content: echo large, input_transforms: {}}
"""


async def test_node_that_did_not_run_in_an_ended_run_awaits_no_output(page: Page, site: Site) -> None:
    _, id = started(site, SOMETIMES)
    await page.goto(f"/w/main/runs/{id}?node=say")
    pane = page.get_by_role("complementary", name="Node say")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Succeeded")
    await expect(pane).to_contain_text("Shows the first iteration of each.")
    await expect(pane.get_by_text("No output", exact=True)).to_be_visible()
    await pane.get_by_label("Iteration number").fill("2")
    await expect(pane.locator('[data-value="Output of say"]')).to_contain_text("large")


async def test_page_of_a_run_names_workflow_and_nodes_and_continues_after_cancelling(page: Page, site: Site) -> None:
    asks = {"id": "ask", "summary": "Finance signs off", "value": {"type": "approval", "message": "Go on?"}}
    # The name of a workflow that is deployed as JSON is not in its document.
    body = {"path": "f/runs/as_json", "summary": "Deployed as JSON", "value": {"modules": [asks]}}
    assert site.client.post("/api/w/main/flows/create", json=body).status_code == 201
    await page.goto(f"/w/main/runs/{run(site, 'f/runs/as_json')}")
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_contain_text("Deployed as JSON")
    await page.get_by_label("Waiting for").get_by_role("button", name="Finance signs off").click()
    await expect(page.get_by_role("complementary", name="Node ask")).to_be_visible()
    await page.get_by_role("button", name="Cancel run").click()
    await expect(heading).to_contain_text("Cancelled")
    await expect(page.get_by_role("button", name="Retry from the failed node")).to_have_count(0)
    await page.get_by_role("button", name="Continue from where it was cancelled").click()
    await expect(page.get_by_role("dialog", name="Continue from where it was cancelled")).to_be_visible()
