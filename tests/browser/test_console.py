"""No page asks for something that is not there: no request is answered with 404."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, Response, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import LIST

SCRIPT = {"path": "u/admin/console_script", "content": "echo 1", "language": "bash", "summary": "A script"}
FLOW = "u/admin/console_flow"


@pytest.fixture
def items(site: Site) -> None:
    """Deploy a script and a workflow once."""
    if site.client.get(f"/api/w/main/flows/get/{FLOW}").status_code == 404:
        site.deploy(FLOW, LIST)
        assert site.client.post("/api/w/main/scripts/create", json=SCRIPT).status_code == 201


@pytest.mark.usefixtures("items")
async def test_deployed_items_without_a_draft_open_without_a_404(page: Page) -> None:
    missing: list[str] = []

    def watch(answer: Response) -> None:
        if answer.status == 404:
            missing.append(answer.url)

    page.on("response", watch)
    await page.goto(f"/w/main/workflows/{FLOW}")
    await expect(page.get_by_role("button", name="No problems")).to_be_visible()
    await page.goto(f"/w/main/scripts/{SCRIPT['path']}")
    await expect(page.get_by_role("textbox", name="Code of the script")).to_be_visible()
    assert missing == []
