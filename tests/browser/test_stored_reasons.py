"""Reasons that the server has stored as English sentences, on pages in German."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_german_pages import GERMAN
from tests.browser.test_runs_list import GOOD

SKIP = "def main(scheduled_for):\n    return True\n"


async def test_reason_of_a_skipped_run_is_shown_in_german(page: Page, site: Site) -> None:
    await page.context.add_init_script(GERMAN)
    name = "f/skipped_runs/often"
    site.client.post("/api/w/main/folders/create", json={"name": "skipped_runs"})
    site.deploy("f/skipped_runs/good", GOOD)
    script = {"path": "f/skipped_runs/ask", "content": SKIP, "language": "python3", "summary": ""}
    site.client.post("/api/w/main/scripts/create", json=script).raise_for_status()
    body = {
        "path": name,
        "schedule": "* * * * * *",
        "timezone": "UTC",
        "script_path": "f/skipped_runs/good",
        "is_flow": True,
        "args": {},
        "enabled": True,
        "dynamic_skip": "script/f/skipped_runs/ask",
    }
    site.client.post("/api/w/main/schedules/create", json=body).raise_for_status()
    await page.goto("/w/main")
    skipped = await _skipped(page, site, name)
    assert skipped["detail"] == "script/f/skipped_runs/ask returned true"
    assert skipped["detail_code"] == {"code": "skip_script_true", "values": {"path": "script/f/skipped_runs/ask"}}
    await page.goto("/w/main/schedules?view=calendar")
    await page.get_by_role("button", name="Nach Tagen").click()
    past = page.get_by_label("Läufe des Tages").get_by_role("listitem").filter(has_text="f/skipped_runs/ask")
    await expect(past.first).to_contain_text("script/f/skipped_runs/ask hat true zurückgegeben")
    site.client.delete(f"/api/w/main/schedules/delete/{name}").raise_for_status()


async def _skipped(page: Page, site: Site, path: str) -> Any:
    """Wait until a run of the schedule was skipped, and return the tick."""
    for _ in range(1000):
        await page.evaluate("() => new Promise(requestAnimationFrame)")
        listed = site.client.get("/api/w/main/schedules/list_with_jobs", params={"schedule_path": path}).json()
        found = [tick for each in listed for tick in each["ticks"] if tick["state"] == "skipped"]
        if found:
            return found[0]
    raise AssertionError(f"no run of {path} was skipped")
