"""Home: failed runs, approvals, active and upcoming runs, each with a link."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_runs_list import ASKS, BAD, start

SLOW = (
    "summary: Slow\nvalue:\n  modules:\n    - id: wait\n"
    "      value: {type: rawscript, language: bash, content: sleep 600, input_transforms: {}}\n"
)


async def test_home_shows_failed_waiting_running_and_upcoming(page: Page, site: Site) -> None:
    # Home shows what has waited longest, which may be what other tests have left.
    for asked in site.client.get("/api/w/main/approvals/list").json():
        site.client.post(f"/api/w/main/jobs_u/queue/cancel/{asked['run']}", json={}).raise_for_status()
    for path, source in (("bad", BAD), ("asks", ASKS), ("slow", SLOW)):
        site.deploy(f"f/home/{path}", source)
    for _ in range(2):
        start(site, "f/home/bad", wait=True)
    waiting, slow = start(site, "f/home/asks"), start(site, "f/home/slow")
    when: dict[str, Any] = {"schedule": "0 0 * * * *", "timezone": "Europe/Paris", "enabled": True, "args": {}}
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
    # What is over is gone by itself.
    site.client.post(f"/api/w/main/jobs_u/queue/cancel/{slow}", json={}).raise_for_status()
    await expect(runs).to_have_count(0)
    # What waits for me leads to where I decide.
    asks = (
        page.get_by_role("region", name="Awaiting your approval").get_by_role("listitem").filter(has_text="f/home/asks")
    )
    await asks.get_by_role("link").click()
    await page.get_by_role("listitem").filter(has_text="f/home/asks").get_by_role("button", name="Approve").click()
    await expect(page.get_by_text("Approved", exact=True)).to_be_visible()
    assert site.client.get(f"/api/w/main/jobs_u/completed/get/{waiting}").json()["success"] is True
    site.client.delete("/api/w/main/schedules/delete/f/home/hourly").raise_for_status()


async def test_introduction_can_be_dismissed(page: Page) -> None:
    first = page.get_by_role("region", name="Start here")
    await expect(first.get_by_role("button", name="Run order_processing")).to_be_visible()
    await first.get_by_role("button", name="Do not show this again").click()
    await page.reload()
    await expect(page.get_by_role("region", name="Failed recently")).to_be_visible()
    await expect(first).to_have_count(0)
