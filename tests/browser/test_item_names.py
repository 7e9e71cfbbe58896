"""Lists and pickers show the names of workflows and scripts, with their paths beside them."""

from __future__ import annotations

from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import opened
from tests.browser.test_runs_list import start

NAME, PATH = "Report of the month", "f/named/report_2"
REPORT = f"""summary: {NAME}
value:
  modules:
    - id: ask
      value: {{type: approval}}
"""
CALL = f"""value:
  modules:
    - id: call
      value: {{type: flow, path: {PATH}, input_transforms: {{}}}}
"""


async def test_lists_show_names_with_paths(page: Page, site: Site) -> None:
    site.deploy(PATH, REPORT)
    site.deploy("f/named/caller", CALL)
    schedule = {"path": "f/named/often", "script_path": PATH, "is_flow": True, "enabled": True, "args": {}}
    times = {"schedule": "0 0 * * * *", "timezone": "Etc/UTC", "summary": "Often"}
    site.client.post("/api/w/main/schedules/create", json=schedule | times).raise_for_status()
    run = start(site, PATH, wait=False)
    home = page.get_by_role("main")
    await page.goto("/w/main")
    for card in ("Awaiting your approval", "Upcoming"):
        line = home.get_by_role("region", name=card).get_by_role("listitem").filter(has_text=NAME).first
        await expect(line.get_by_role("link", name=NAME, exact=True)).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"/w/main/runs?path={PATH}")
    row = page.get_by_role("list", name="Runs").get_by_role("listitem")
    await expect(row.get_by_role("link", name=NAME, exact=True)).to_have_attribute("href", f"/w/main/runs/{run}")
    await expect(row).to_contain_text(PATH)
    assert not [url for url in asked if "/flows/" in url or "/scripts/" in url]
    await page.goto("/w/main/approvals?q=of the month")
    await expect(page.get_by_role("link", name=NAME, exact=True)).to_be_visible()
    await expect(page.get_by_role("main")).to_contain_text(PATH)
    await page.goto("/w/main/schedules?q=of the month")
    row = page.get_by_role("list", name="Schedules").get_by_role("listitem").filter(has_text="Often").first
    await expect(row.get_by_role("link", name=NAME, exact=True)).to_be_visible()
    await expect(row).to_contain_text("f/named/often")
    await expect(row).to_contain_text(PATH)


async def test_workflow_is_selected_by_its_name(page: Page, site: Site) -> None:
    site.deploy(PATH.replace("_2", "_3"), REPORT.replace("month", "year"))
    await opened(page, site, CALL.replace("_2", "_3"), "?panel=node&node=call")
    await page.get_by_role("button", name="Select a workflow").click()
    await page.get_by_placeholder("Search by name or path").fill("of the year")
    option = page.get_by_role("option", selected=True)
    await expect(option).to_contain_text("Report of the year")
    await expect(option).to_contain_text("f/named/report_3")
    await option.click()
    await expect(page.get_by_label("Workflow path", exact=True)).to_have_value("f/named/report_3")
