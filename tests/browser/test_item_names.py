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


async def test_runs_and_their_comparison_show_the_name_of_a_script(page: Page, site: Site) -> None:
    path, name = "f/named/sum_of_lines", "Sum of the lines"
    script = {"path": path, "content": "echo 1", "language": "bash", "summary": name}
    site.client.post("/api/w/main/scripts/create", json=script).raise_for_status()
    first, second = (site.client.post(f"/api/w/main/jobs/run/p/{path}", json={}).text for _ in range(2))
    await page.goto(f"/w/main/runs/{first}")
    await expect(page.get_by_role("heading", name=name)).to_be_visible()
    await page.goto(f"/w/main/runs/{first}/compare/{second}")
    for side in ("First run", "Second run"):
        await expect(page.get_by_role("region", name=side).get_by_role("link", name=name, exact=True)).to_be_visible()


async def test_name_of_an_item_has_one_label(page: Page, site: Site) -> None:
    path = "f/named/labels"
    site.deploy(path, "value:\n  modules:\n    - {id: call, value: {type: identity}}\n")
    workflow = f"/w/main/workflows/{path}"
    for query, button in (
        ("panel=node", None),
        ("panel=node&node=call", None),
        ("view=triggers", "New schedule"),
        ("view=triggers", "New HTTP trigger"),
    ):
        await page.goto("about:blank")
        await page.goto(f"{workflow}?{query}")
        if button:
            await page.get_by_role("button", name=button).click()
        await expect(page.get_by_label("Name", exact=True)).to_be_visible()
        await expect(page.get_by_label("Summary")).to_have_count(0)
