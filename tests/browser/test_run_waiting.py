"""Reasons for which a run waits, on its page: a sentence for each reason, with links to blocking runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.installation import Running

from orvanta_platform.embedded.cluster import existing

pytestmark = pytest.mark.extended

_numbers = itertools.count()


def bash(id: str, content: str = "true", **more: Any) -> dict[str, Any]:
    code = {"type": "rawscript", "language": "bash", "content": content, "input_transforms": {}}
    beside = {key: more.pop(key) for key in ("tag", "concurrent_limit", "concurrency_time_window_s") if key in more}
    return {"id": id, "value": {**code, **beside}, **more}


def flow(*modules: dict[str, Any]) -> dict[str, Any]:
    return {"modules": list(modules)}


LATER = {"type": "static", "value": 3600}
HOLD = {"id": "hold", "value": {"type": "approval", "approvers": ["g/all"], "timeout": 3600}}
RETRY = {"constant": {"attempts": 1, "seconds": 3600}}
WAITS: dict[str, tuple[dict[str, Any], str]] = {
    "retry": (flow(bash("a", "exit 1", retry=RETRY)), "waiting for its next attempt, until"),
    "time": (flow({"id": "a", "value": {"type": "delay", "seconds": LATER}}), "waiting for its start time, until"),
    "approval": (flow({**HOLD, "id": "a"}), "awaiting approval by g/all, until"),
    "suspended": (
        flow(bash("a", suspend={"required_events": 1}), bash("b")),
        "succeeded; its downstream nodes await approval",
    ),
    "debounce": (
        flow(bash("a", debouncing={"debounce_delay_s": 3600, "debounce_key": "waits"})),
        "waiting for later executions of its debounce key, until",
    ),
    "paused": (flow(bash("a")), "paused before its start by"),
    "sleeping": (
        flow(bash("a", sleep=LATER), bash("b")),
        "succeeded; its downstream nodes wait for their start time, until",
    ),
}


@pytest.fixture
def ends(site: Site) -> Iterator[list[str]]:
    """Yield a list of runs that are cancelled after the test."""
    begun: list[str] = []
    yield begun
    site.client.post("/api/w/main/jobs/queue/cancel_selection?force_cancel=true", json=begun).raise_for_status()


def preview(site: Site, ends: list[str], value: dict[str, Any], query: str = "") -> str:
    answer = site.client.post(f"/api/w/main/jobs/run/preview_flow{query}", json={"value": value, "args": {}})
    assert answer.status_code == 201, answer.text
    ends.append(answer.text)
    return answer.text


def deployed(site: Site, ends: list[str], value: dict[str, Any], query: str = "") -> list[str]:
    """Deploy a workflow and return two runs of it."""
    path = f"f/waits/w{next(_numbers)}"
    body = {"path": path, "summary": "", "value": value}
    answer = site.client.post("/api/w/main/flows/create", json=body)
    assert answer.status_code == 201, answer.text
    runs = [site.client.post(f"/api/w/main/jobs/run/f/{path}{query}", json={"n": 1}).text for _ in range(2)]
    ends += runs
    return runs


async def waits(page: Page, id: str, code: str, text: str) -> None:
    await page.goto(f"/w/main/runs/{id}")
    line = page.get_by_label("Waiting for").locator(f"[data-wait={code}]").first
    await expect(line).to_contain_text(text, timeout=60_000)


async def test_every_reason_of_a_node(page: Page, site: Site, ends: list[str]) -> None:
    query = {"paused": "?pause_before=a"}
    runs = {code: preview(site, ends, value, query.get(code, "")) for code, (value, _) in WAITS.items()}
    for code, (_, text) in WAITS.items():
        await waits(page, runs[code], code, text)
        await page.get_by_label("Waiting for").get_by_role("button", name="a", exact=True).click()
        await expect(page.get_by_role("complementary", name="Node a").locator(f"[data-wait={code}]")).to_contain_text(
            text
        )


async def test_head_of_a_run_offers_its_approvals(page: Page, site: Site, ends: list[str]) -> None:
    """The head has the form of each approval that the user may decide, unless the pane of its node has it."""
    ask = {"type": "approval", "message": "Pay 4711?", "form": {"properties": {"sum": {"type": "integer"}}}}
    others = {"id": "others", "value": {"type": "approval", "message": "Not for you", "approvers": ["u/nobody"]}}
    run = preview(site, ends, flow({"id": "ask", "summary": "Finance", "value": ask, "needs": []}))
    await page.goto(f"/w/main/runs/{run}")
    head = page.get_by_label("Waiting for")
    await expect(head.get_by_text("Pay 4711?")).to_be_visible()
    await page.get_by_role("tab", name="Data").click()
    await expect(head.get_by_role("button", name="Approve")).to_be_visible()
    await page.get_by_role("tab", name="Graph").click()
    await head.get_by_role("button", name="Finance").click()
    pane = page.get_by_role("complementary", name="Node ask")
    await expect(pane.get_by_role("button", name="Approve")).to_be_visible()
    await expect(head.get_by_role("button", name="Approve")).to_have_count(0)
    await pane.get_by_role("button", name="Close").click()
    await head.get_by_label("sum").fill("3")
    await head.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Succeeded")

    await waits(page, preview(site, ends, flow(others)), "approval", "awaiting approval by u/nobody")
    async with page.expect_response("**/approvals/list*"):
        pass
    await expect(head.get_by_role("button", name="Approve")).to_have_count(0)


async def test_reasons_that_name_other_runs(page: Page, site: Site, ends: list[str]) -> None:
    first, second = deployed(site, ends, {**flow(HOLD), "concurrent_limit": 1})
    await waits(page, second, "limit", "1 of 1 in use")
    await page.get_by_label("Waiting for").get_by_role("link").click()
    await expect(page).to_have_url(f"{site.base}/w/main/runs/{first}")

    window = flow(bash("a", concurrent_limit=1, concurrency_time_window_s=3600))
    _, second = deployed(site, ends, window)
    await waits(page, second, "window", "1 started within 3600 s, until")

    inner = f"f/waits/inner{next(_numbers)}"
    site.client.post("/api/w/main/flows/create", json={"path": inner, "summary": "", "value": flow(HOLD)})
    outer = preview(site, ends, flow({"id": "call", "value": {"type": "flow", "path": inner, "input_transforms": {}}}))
    await waits(page, outer, "run", "waiting for the run")
    await page.get_by_label("Waiting for").get_by_role("link").click()
    await waits(page, page.url.rpartition("/")[2], "approval", "awaiting approval by g/all")


async def test_waiting_reason_of_whole_run(page: Page, site: Site, installation: Running, ends: list[str]) -> None:
    later, _ = deployed(site, ends, flow(bash("a")), "?scheduled_in_secs=3600")
    await waits(page, later, "time", "waiting for its start time, until")

    # A run waits milliseconds for its first step: change the start time in the database only, not in the timer.
    connection = await asyncpg.connect(existing(Path(installation.environ["ORVANTA_HOME"])).url("owner"))
    try:
        await connection.execute("UPDATE run_live SET scheduled_at = app_now() WHERE id = $1", later)
        await waits(page, later, "step", "waiting for its first step to be written")
        async with connection.transaction():
            await connection.execute("SELECT FROM run_live WHERE id = $1 FOR NO KEY UPDATE", later)
            await waits(page, later, "held", "waiting for a database transaction that locks its row")
    finally:
        await connection.close()


async def test_waiting_reason_if_all_slots_are_busy(page: Page, site: Site, ends: list[str]) -> None:
    (worker,) = site.client.get("/api/workers/list").json()
    busy = {"content": "sleep 600", "language": "bash", "args": {}}
    start = "/api/w/main/jobs/run/preview"
    ends += [site.client.post(start, json=busy).text for _ in range(worker["slots"] + 1)]
    await waits(page, ends[-1], "no_slot", "waiting for a free slot")
