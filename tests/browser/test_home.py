"""Home: failed runs, approvals, active and upcoming runs, each with a link."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_runs_list import ASKS, BAD, start

SLOW = (
    "summary: Slow\nvalue:\n  modules:\n    - id: wait\n"
    "      value: {type: rawscript, language: bash, content: sleep 600, input_transforms: {}}\n"
)


async def test_home_shows_failed_waiting_running_and_upcoming(page: Page, site: Site) -> None:
    # Home shows the oldest approvals, which may be those of other tests.
    for asked in site.client.get("/api/w/main/approvals/list").json():
        site.client.post(f"/api/w/main/jobs_u/queue/cancel/{asked['run']}", json={}).raise_for_status()
    for path, source in (("bad", BAD), ("asks", ASKS), ("slow", SLOW)):
        site.deploy(f"f/home/{path}", source)
    for _ in range(2):
        start(site, "f/home/bad", wait=True)
    waiting, slow = start(site, "f/home/asks"), start(site, "f/home/slow")
    # No tick comes during the test: it would be a third failure.
    minute = (datetime.now(UTC).minute + 30) % 60
    when: dict[str, Any] = {"schedule": f"0 {minute} * * * *", "timezone": "Europe/Paris", "enabled": True, "args": {}}
    schedule = {**when, "path": "f/home/hourly", "script_path": "f/home/bad", "is_flow": True}
    site.client.post("/api/w/main/schedules/create", json=schedule).raise_for_status()
    await page.goto("/w/main")
    failed = page.get_by_role("region", name="Failed recently").get_by_role("listitem").filter(has_text="f/home/bad")
    await expect(failed).to_contain_text("Failed 2 times")
    runs = page.get_by_role("region", name="Running now").get_by_role("listitem").filter(has_text="f/home/slow")
    await expect(runs).to_contain_text("Running")
    await expect(runs.get_by_role("link")).to_have_attribute("href", f"/w/main/runs/{slow}")
    coming = page.get_by_role("region", name="Upcoming").get_by_role("listitem").filter(has_text="f/home/hourly")
    await expect(coming).to_contain_text("in ")
    # A run that ends disappears without a reload.
    site.client.post(f"/api/w/main/jobs_u/queue/cancel/{slow}", json={}).raise_for_status()
    await expect(runs).to_have_count(0)
    # An approval links to the page on which the user decides.
    asks = (
        page.get_by_role("region", name="Awaiting your approval").get_by_role("listitem").filter(has_text="f/home/asks")
    )
    # A narrow window has the text above the state, which would leave it no room.
    await page.set_viewport_size({"width": 390, "height": 844})
    text, state = await asks.get_by_role("link").bounding_box(), await asks.get_by_text("Awaiting").bounding_box()
    assert text and state and text["width"] > 300 and state["y"] >= text["y"] + text["height"]
    await page.set_viewport_size({"width": 1440, "height": 900})
    await asks.get_by_role("link").click()
    await page.get_by_role("listitem").filter(has_text="f/home/asks").get_by_role("button", name="Approve").click()
    await expect(page.get_by_text("Approved", exact=True).first).to_be_visible()
    assert site.client.get(f"/api/w/main/jobs_u/completed/get/{waiting}").json()["success"] is True
    site.client.delete("/api/w/main/schedules/delete/f/home/hourly").raise_for_status()


EXAMPLE = "f/examples/order_processing"


async def test_introduction_is_shown_until_first_run_or_dismissal(page: Page, site: Site) -> None:
    site.client.post("/api/workspaces/create", json={"id": "unused", "name": "Unused"}).raise_for_status()
    site.client.post("/api/w/unused/folders/create", json={"name": "examples"}).raise_for_status()
    example = site.client.get(f"/api/w/main/flows/get/{EXAMPLE}").json()
    body = {key: example[key] for key in ("path", "summary", "value", "schema")}
    made = site.client.post("/api/w/unused/flows/create", json=body)
    assert made.status_code == 201, made.text
    await page.goto("/w/unused")
    first = page.get_by_role("region", name="Start here")
    await expect(first.get_by_role("button", name="Run order_processing")).to_be_visible()
    await first.get_by_role("button", name="Do not show this again").click()
    await page.reload()
    await expect(page.get_by_role("region", name="Failed recently")).to_be_visible()
    await expect(first).to_have_count(0)
    await page.evaluate("localStorage.clear()")
    await page.reload()
    await first.get_by_role("button", name="Run order_processing").click()
    await page.wait_for_url("**/w/unused/runs/*")
    await page.goto("/w/unused")
    runs = page.get_by_role("region", name="Runs")
    await expect(runs.get_by_role("link", name="1 run", exact=True)).to_be_visible()
    await expect(first).to_have_count(0)


async def test_home_shows_outcomes_health_and_recently_opened_items(page: Page, site: Site) -> None:
    site.client.post("/api/workspaces/create", json={"id": "health", "name": "Health"}).raise_for_status()
    body = {"path": "u/admin/bad", "source": {"format": "yaml", "text": BAD}}
    assert site.client.post("/api/w/health/flows/create", json=body).status_code == 201
    for _ in range(2):
        site.client.post("/api/w/health/jobs/run_wait_result/f/u/admin/bad", json={})
    test_run = {"content": "exit 1", "language": "bash", "args": {}}
    site.client.post("/api/w/health/jobs/run_wait_result/preview", json=test_run)
    await page.goto("/w/health/workflows/u/admin/bad")
    await expect(page.get_by_role("button", name="No problems")).to_be_visible()
    await page.get_by_role("navigation", name="Pages").get_by_role("link", name="Home").click()
    runs = page.get_by_role("region", name="Runs")
    await expect(runs.get_by_role("link", name="2 Failed")).to_have_attribute(
        "href", re.compile("last=24h&state=failed")
    )
    await runs.get_by_role("button", name="7 days").click()
    await expect(runs.get_by_role("link", name="2 runs")).to_have_attribute("href", re.compile("last=7d"))
    health = page.get_by_role("region", name="Workflow health").get_by_role("listitem")
    await expect(health).to_contain_text("0% of 2 runs succeeded")
    await expect(health.get_by_role("img", name="Last 2 runs: 2 Failed")).to_be_visible()
    recent = page.get_by_role("region", name="Recently opened").get_by_role("listitem")
    await expect(recent).to_contain_text("u/admin/bad")
    await recent.get_by_role("link").click()
    await page.wait_for_url("**/w/health/workflows/u/admin/bad")
