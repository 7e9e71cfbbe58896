"""Names of workflows and scripts: in lists of runs, and the ids that are made from them."""

from __future__ import annotations

from playwright.async_api import Page, expect
from tests.browser.conftest import Site

MONTHLY = """summary: Orders of a month
value: {modules: [{id: a, value: {type: identity}}]}
"""


async def test_runs_are_listed_by_name_with_path_beside_it(page: Page, site: Site) -> None:
    site.deploy("f/names/monthly", MONTHLY)
    site.client.post("/api/w/main/jobs/run_wait_result/f/f/names/monthly", json={}).raise_for_status()
    await page.goto("/w/main/runs?path=f/names/monthly")
    link = page.get_by_role("link", name="Orders of a month", exact=True)
    row = page.get_by_role("list", name="Runs").get_by_role("listitem").filter(has=link)
    await expect(row.first).to_contain_text("f/names/monthly")


async def test_new_script_has_name_from_which_its_id_is_made(page: Page) -> None:
    await page.goto("/w/main/scripts")
    await page.get_by_role("button", name="New script").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name", exact=True).fill("Größe prüfen")
    await expect(dialog.get_by_label("Id", exact=True)).to_have_value("groesse_pruefen")
    await dialog.get_by_role("button", name="Create script").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Größe prüfen")
