"""List of runs: filters stored in the address, live updates, time ranges, bulk actions."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect
from tests.browser.conftest import Site

pytestmark = pytest.mark.extended

GOOD = "summary: Good\nvalue: {modules: [{id: give, value: {type: identity}}]}\n"
BAD = (
    "summary: Bad\nvalue:\n  modules:\n    - id: fail\n"
    "      value: {type: rawscript, language: bash, content: exit 3, input_transforms: {}}\n"
)
ASKS = "summary: Asks\nvalue: {modules: [{id: ask, value: {type: approval, message: Go on?}}]}\n"
MANY = 130


def start(site: Site, path: str, *, wait: bool = False) -> str:
    call = "run_wait_result" if wait else "run"
    answer = site.client.post(f"/api/w/main/jobs/{call}/f/{path}", json={})
    assert answer.status_code in (200, 201, 500), answer.text
    return answer.text


def rows(page: Page) -> Locator:
    return page.get_by_label("Runs", exact=True).get_by_role("listitem")


def found(site: Site, **filter: Any) -> list[Any]:
    answer = site.client.get("/api/w/main/jobs/list", params={"has_null_parent": True, **filter})
    return list(answer.raise_for_status().json())


async def test_runs_are_filtered_watched_and_changed_in_bulk(page: Page, site: Site) -> None:
    await page.goto("/w/main")
    for path, source in (("good", GOOD), ("bad", BAD), ("asks", ASKS)):
        site.deploy(f"f/listed/{path}", source)
    for path in ("good", "good", "bad"):
        start(site, f"f/listed/{path}", wait=True)
    # The name of the link includes a badge, which counts failures of other tests.
    await page.get_by_role("navigation", name="Pages").get_by_role("link", name="Runs").click()
    await page.get_by_label("Search by name or path").fill("LISTED")
    await expect(rows(page)).to_have_count(3)
    await expect(rows(page).first).to_contain_text("Failed")
    await expect(rows(page).last).to_contain_text(re.compile("Succeeded.*f/listed/good"))
    # New runs and changed states appear without a reload.
    waiting = start(site, "f/listed/asks")
    await expect(rows(page)).to_have_count(4)
    await expect(rows(page).first).to_contain_text("Awaiting approval")
    await filter_by_state(page)
    await rerun_matching(page, site)
    await move_by_arrow_keys(page)
    await compare_two_runs(page, site)
    await cancel_matching(page)
    assert site.client.get(f"/api/w/main/jobs_u/get/{waiting}").json()["canceled"] is True
    await rerun_two_runs(page, site)


async def filter_by_state(page: Page) -> None:
    """Choose a state in the histogram, which is stored in the address, and store the filter as a view."""
    await page.get_by_role("region", name="Runs over time").get_by_role("button", name="1 Failed").click()
    await expect(rows(page)).to_have_count(1)
    assert "state=failed" in page.url and "q=LISTED" in page.url
    await page.reload()
    await expect(rows(page)).to_have_count(1)
    await page.get_by_role("button", name="Save view").click()
    await page.get_by_role("textbox", name="Name", exact=True).fill("What fails")
    await page.get_by_role("button", name="Save", exact=True).click()
    await page.get_by_role("button", name="Remove filter: Status Failed").click()
    await expect(rows(page)).to_have_count(4)
    await page.get_by_label("Saved views").select_option("What fails")
    await expect(rows(page)).to_have_count(1)


async def rerun_matching(page: Page, site: Site) -> None:
    """Rerun the runs that match the filter of states, and no others."""
    chosen = page.get_by_role("region", name="Selected runs")
    await rows(page).first.get_by_role("checkbox").check()
    await chosen.get_by_role("button", name="Select all matching").click()
    await expect(chosen).to_contain_text("1 matching run")
    await chosen.get_by_role("button", name="Run again…").click()
    await page.get_by_role("button", name="Run again", exact=True).click()
    await expect(page.get_by_text("1 run started again.")).to_be_visible()
    await expect(rows(page)).to_have_count(2)
    again = found(site, trigger_kind="rerun", script_path_text="listed")
    assert [each["script_path"] for each in again] == ["f/listed/bad"]
    await page.get_by_role("button", name="Remove filter: Status Failed").click()
    await expect(rows(page)).to_have_count(5)


async def move_by_arrow_keys(page: Page) -> None:
    await rows(page).first.get_by_role("link").focus()
    await page.keyboard.press("ArrowDown")
    await expect(rows(page).nth(1).get_by_role("link")).to_be_focused()


async def compare_two_runs(page: Page, site: Site) -> None:
    await rows(page).nth(1).get_by_role("checkbox").check()
    await rows(page).nth(2).get_by_role("checkbox").check()
    older, newer = sorted([str(each["id"]) for each in found(site, script_path_text="listed", per_page=3)][1:])
    compare = page.get_by_role("link", name="Compare")
    await expect(compare).to_have_attribute("href", f"/w/main/runs/{older}/compare/{newer}")


async def cancel_matching(page: Page) -> None:
    """Cancel all five runs that match, of which one has not ended."""
    chosen = page.get_by_role("region", name="Selected runs")
    await chosen.get_by_role("button", name="Select all matching").click()
    await expect(chosen).to_contain_text("5 matching runs")
    await chosen.get_by_role("button", name="Cancel…").click()
    await page.get_by_role("button", name="Cancel runs").click()
    await expect(page.get_by_text("1 run cancelled.")).to_be_visible()
    await expect(rows(page).nth(1)).to_contain_text("Cancelled")


async def rerun_two_runs(page: Page, site: Site) -> None:
    await rows(page).nth(2).get_by_role("checkbox").check()
    await rows(page).nth(3).get_by_role("checkbox").check()
    await page.get_by_role("button", name="Run again…").click()
    await page.get_by_role("button", name="Run again", exact=True).click()
    await expect(page.get_by_text("2 runs started again.")).to_be_visible()
    await expect(rows(page)).to_have_count(7)
    assert len(found(site, trigger_kind="rerun", script_path_text="listed")) == 3


async def test_time_range_is_selected_on_histogram(page: Page, site: Site) -> None:
    site.deploy("f/timed/good", GOOD)
    start(site, "f/timed/good", wait=True)
    await page.goto("/w/main/runs?q=f/timed&last=24h")
    await expect(rows(page)).to_have_count(1)
    slider = page.get_by_role("slider", name="Time range")
    await slider.focus()
    await page.keyboard.press("ArrowLeft")
    await expect(slider).to_have_attribute("aria-valuetext", re.compile("1 Succeeded"))
    await page.keyboard.press("Enter")
    await page.wait_for_url("**from=*")
    await expect(rows(page)).to_have_count(1)
    await page.get_by_role("button", name="Reset time range").click()
    box = await slider.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 20)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
    await page.mouse.up()
    await expect(page.get_by_role("heading", name="No runs")).to_be_visible()
    await page.get_by_role("button", name="Show the last 90 days").click()
    await expect(rows(page)).to_have_count(1)


async def test_long_list_is_virtualized_and_fetched_on_scroll(page: Page, site: Site) -> None:
    site.deploy("f/long/good", GOOD)
    for _ in range(MANY):
        start(site, "f/long/good")
    await page.goto("/w/main/runs?q=f/long")
    await expect(rows(page).first).to_have_attribute("aria-setsize", "100")
    assert await rows(page).count() < 60
    await rows(page).nth(20).scroll_into_view_if_needed()
    for _ in range(12):
        await page.mouse.move(600, 700)
        await page.mouse.wheel(0, 1000)
    await expect(rows(page).last).to_have_attribute("aria-posinset", str(MANY))
    assert await rows(page).count() < 60
    await expect(page.get_by_text("No older runs in this time range")).to_be_visible()
