"""Console of the browser without errors: no failed requests, and no violations of the content security policy."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site, console_errors, write_code
from tests.browser.test_editing import LIST

SCRIPT = {"path": "u/admin/console_script", "content": "echo 1", "language": "bash", "summary": "A script"}
FLOW = "u/admin/console_flow"


@pytest.fixture
def items(site: Site) -> None:
    """Deploy a script and a workflow once."""
    if site.client.get(f"/api/w/main/flows/get/{FLOW}").status_code == 404:
        site.deploy(FLOW, LIST)
        assert site.client.post("/api/w/main/scripts/create", json=SCRIPT).status_code == 201


@pytest.fixture
def errors(page: Page) -> list[str]:
    """Return the errors in the console of the page, with their sources."""
    return console_errors(page)


@pytest.mark.usefixtures("items")
async def test_deployed_items_without_a_draft_open_without_errors(page: Page, errors: list[str]) -> None:
    await page.goto(f"/w/main/workflows/{FLOW}")
    await expect(page.get_by_role("button", name="No problems")).to_be_visible()
    await page.goto(f"/w/main/scripts/{SCRIPT['path']}")
    await expect(page.get_by_role("textbox", name="Code of the script")).to_be_visible()
    assert errors == []


async def test_new_items_and_lists_open_without_errors(page: Page, errors: list[str]) -> None:
    canvas = page.get_by_role("region", name="Workflow graph")
    for kind, shown in (("workflow", canvas), ("script", page.get_by_role("textbox", name="Code of the script"))):
        await page.goto(f"/w/main/{kind}s")
        await page.get_by_role("button", name=f"New {kind}").first.click()
        await page.get_by_role("button", name=f"Create {kind}").click()
        await expect(shown).to_be_visible()
        await page.reload()
        await expect(shown).to_be_visible()
    await page.get_by_role("tab", name="Used by").click()
    await page.get_by_role("button", name="Deploy").click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    # Text that replaces a selection of several lines, to which the browser would add inline styles.
    await write_code(shown, "one = 1\ntwo = 2\nthree = 3")
    await shown.press("ControlOrMeta+a")
    await page.keyboard.type("(4")
    await expect(shown).to_contain_text("4")
    for name in ("", "/runs", "/approvals", "/schedules", "/workers"):
        await page.goto(f"/w/main{name}")
        await page.wait_for_load_state("networkidle")
    assert errors == []
