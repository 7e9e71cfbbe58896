"""Dialog that runs the deployed version of a workflow, opened from its page or from the list, and its export."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check

PATH = "f/deployed_runs/orders"
LINE = """summary: Run orders
schema: {type: object, properties: {number: {type: integer}}, required: [number]}
value: {modules: [{id: take, value: {type: identity}}]}
"""


def deploy(site: Site, path: str) -> None:
    if site.client.get(f"/api/w/main/flows/get/{path}").status_code == 404:
        site.deploy(path, LINE)


async def menu_item(page: Page, name: str) -> Locator:
    await page.get_by_role("button", name="More actions").click()
    return page.get_by_role("menuitem", name=name)


async def test_page_of_workflow_runs_the_deployed_version(page: Page, site: Site) -> None:
    """A draft is not what runs. Cancel starts nothing."""
    deploy(site, PATH)
    runs = f"/api/w/main/jobs/list?script_path_exact={PATH}"
    before = len(site.client.get(runs).json())
    await page.goto(f"/w/main/workflows/{PATH}")
    await page.get_by_role("button", name="Workflow settings").click()
    await page.get_by_label("Name", exact=True).fill("Only in the draft")
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await (await menu_item(page, "Run deployed version…")).click()
    dialog = page.get_by_role("dialog", name="Run Run orders")
    await expect(dialog.get_by_label("number")).to_be_visible()
    await check(page)
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_have_count(0)
    assert len(site.client.get(runs).json()) == before
    await (await menu_item(page, "Run deployed version…")).click()
    await dialog.get_by_label("number").fill("7")
    await dialog.get_by_role("button", name="Run", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Run orders")
    started = site.client.get(runs).json()[0]
    assert (started["job_kind"], started["id"]) == ("flow", page.url.rsplit("/", 1)[1])
    site.client.delete(f"/api/w/main/drafts/flow/{PATH}")


async def test_page_of_workflow_exports_it(page: Page, site: Site) -> None:
    deploy(site, PATH)
    await page.goto(f"/w/main/workflows/{PATH}")
    export = await menu_item(page, "Export")
    await expect(export).to_have_attribute("href", re.compile(f"items=flow%2F{PATH.replace('/', '%2F')}$"))
    async with page.expect_download() as exported:
        await export.press("Enter")
    assert (await exported.value).suggested_filename.endswith(".zip")
    await expect(page.get_by_role("menu")).to_have_count(0)


async def test_run_dialog_of_list_has_cancel(page: Page, site: Site) -> None:
    deploy(site, PATH)
    await page.goto("/w/main/workflows?q=deployed_runs&sort=name")
    await page.get_by_role("listitem").get_by_role("button", name="Run", exact=True).click()
    dialog = page.get_by_role("dialog", name="Run Run orders")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_have_count(0)
