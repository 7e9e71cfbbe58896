"""Schedules: next runs, pause, run now; the calendar of past and upcoming runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_runs_list import GOOD

PARIS = ZoneInfo("Europe/Paris")
MISSING: dict[str, Any] = {"timezone": "Europe/Paris", "is_flow": True, "args": {}}


def scheduled(site: Site, name: str, cron: str, **more: Any) -> None:
    body = {**MISSING, "path": f"f/times/{name}", "schedule": cron, "script_path": "f/times/good", **more}
    site.client.post("/api/w/main/schedules/create", json=body).raise_for_status()


@pytest.mark.extended
async def test_schedules_are_seen_paused_run_and_found_on_a_calendar(page: Page, site: Site) -> None:
    site.deploy("f/times/good", GOOD)
    scheduled(site, "often", "* * * * * *", enabled=True)
    tomorrow = datetime.now(PARIS) + timedelta(days=1)
    daily = f"0 13 7 {tomorrow.day} {tomorrow.month} *"
    scheduled(site, "nightly", "0 30 2 * * *", enabled=True, missed="skip", summary="Every night")
    scheduled(site, "one", daily, enabled=True)
    scheduled(site, "two", daily, enabled=True)
    await page.goto("/w/main")
    await ended(page, site, "f/times/often")
    await page.get_by_role("link", name="Schedules", exact=True).first.click()
    await page.get_by_label("Search schedules").fill("f/times")
    rows = page.get_by_label("Schedules", exact=True).get_by_role("listitem")
    nightly = rows.filter(has_text="Every night")
    await expect(nightly.get_by_label("Next runs of f/times/nightly").get_by_text("02:30:00")).to_have_count(5)
    await expect(nightly).to_contain_text("Missed: skip")
    await expect(nightly).to_contain_text("Runs as admin")
    await expect(nightly).to_contain_text("No runs yet")
    # The outcome of the last run is shown with a link to the run.
    often = rows.filter(has_text="f/times/often")
    await often.get_by_role("button", name="Pause").click()
    await expect(often).to_contain_text("Paused")
    await expect(often.get_by_role("link", name=re.compile("Succeeded"))).to_be_visible()
    await expect(often.get_by_role("button", name="Resume")).to_be_visible()
    await expect(often.get_by_label("Next runs of f/times/often")).to_have_count(0)
    # The calendar shows schedules of the same minute together, by week and by day.
    await page.get_by_role("link", name="Calendar").click()
    await page.goto(f"/w/main/schedules?view=calendar&day={tomorrow:%Y-%m-%d}")
    await expect(page.get_by_role("table").get_by_text("at once").first).to_be_visible()
    await page.get_by_role("button", name="By day").click()
    day = page.get_by_label("Runs of the day").get_by_role("listitem")
    both = day.filter(has_text="2 at once")
    await expect(both.filter(has_text="f/times/one")).to_contain_text("Scheduled")
    await expect(both.filter(has_text="f/times/one").get_by_role("link", name="Good", exact=True)).to_be_visible()
    await expect(both.filter(has_text="f/times/two")).to_have_count(1)
    await page.get_by_role("button", name="Today").click()
    past = page.get_by_label("Runs of the day").get_by_role("listitem").filter(has_text="f/times/often")
    await expect(past.first).to_contain_text("Succeeded")
    # "Run now" opens the page of the run.
    await page.goto("/w/main/schedules?q=f/times/nightly")
    await nightly.get_by_role("button", name="Run now").click()
    await page.wait_for_url(re.compile("/w/main/runs/[0-9a-f-]{36}"))
    for name in ("nightly", "one", "two", "often"):
        site.client.delete(f"/api/w/main/schedules/delete/f/times/{name}").raise_for_status()


async def test_calendar_says_which_runs_it_does_not_show(page: Page, site: Site) -> None:
    site.deploy("f/times/each_second", GOOD)
    # One run per second: the calendar shows the next half hour of them.
    scheduled(site, "dense", "* * * * * *", enabled=True, script_path="f/times/each_second")
    try:
        await page.goto("/w/main/schedules?view=calendar&span=week")
        table = page.get_by_role("table")
        missing = page.get_by_role("status").filter(has_text="Later runs are not shown")
        await expect(missing).to_contain_text("The hours after it are hatched.")
        await expect(table.locator("td[data-unknown]").last).to_be_visible()
        await page.get_by_role("button", name="By day").click()
        await expect(table).to_have_count(0)
        # Today, unless its rest is shorter than the half hour.
        end = datetime.now(UTC) + timedelta(minutes=31)
        await page.goto(f"/w/main/schedules?view=calendar&span=day&day={end:%Y-%m-%d}")
        await expect(missing).to_be_visible()
        await expect(missing).not_to_contain_text("hatched")
        later = datetime.now(PARIS) + timedelta(days=14)
        await page.goto(f"/w/main/schedules?view=calendar&span=week&day={later:%Y-%m-%d}")
        await expect(table.locator("td[data-unknown]")).to_have_count(7 * 24)
    finally:
        site.client.delete("/api/w/main/schedules/delete/f/times/dense").raise_for_status()


async def test_page_without_schedules_leads_to_workflows(page: Page, site: Site) -> None:
    site.client.post("/api/workspaces/create", json={"id": "unscheduled", "name": "Unscheduled"}).raise_for_status()
    await page.goto("/w/unscheduled/schedules")
    await page.get_by_role("main").get_by_role("link", name="workflows", exact=True).click()
    await page.wait_for_url(re.compile("/w/unscheduled/workflows$"))
    site.client.post("/api/w/unscheduled/workspaces/archive").raise_for_status()
    site.client.delete("/api/workspaces/delete/unscheduled", params={"confirm": "unscheduled"}).raise_for_status()


async def ended(page: Page, site: Site, path: str) -> None:
    """Wait until a run of the schedule has ended."""
    for _ in range(1000):
        await page.evaluate("() => new Promise(requestAnimationFrame)")
        listed = site.client.get("/api/w/main/schedules/list_with_jobs", params={"schedule_path": path}).json()
        if any(tick["state"] == "ended" for each in listed for tick in each["ticks"][:1]):
            return
    raise AssertionError(f"no run of {path} has ended")
