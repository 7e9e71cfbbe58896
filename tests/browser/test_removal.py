"""A workflow is archived or deleted on its page, which says what uses it."""

from __future__ import annotations

from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check
from tests.browser.test_editing import LIST


async def test_what_uses_it_is_named_before_it_is_archived_or_deleted(page: Page, site: Site) -> None:
    path, caller = "f/removal/used", "f/removal/caller"
    site.deploy(path, LIST)
    site.deploy(
        caller, f"value: {{modules: [{{id: call, value: {{type: flow, path: {path}, input_transforms: {{}}}}}}]}}\n"
    )
    await page.goto(f"/w/main/workflows/{path}")
    await page.get_by_role("button", name="Archive …").click()
    await expect(page.get_by_label("Used by").get_by_role("listitem")).to_contain_text(
        [f"workflow {caller}, node call"]
    )
    await check(page)
    await page.get_by_role("button", name="Archive", exact=True).click()
    await page.wait_for_url("**/w/main/workflows")
    assert site.client.get(f"/api/w/main/flows/get/{path}").json()["archived"] is True
    await page.goto(f"/w/main/workflows/{path}")
    await page.get_by_role("button", name="Archive …").click()
    await page.get_by_role("button", name="Bring it back").click()
    await page.wait_for_url("**/w/main/workflows")
    await page.get_by_role("link", name="Three steps").first.wait_for()
    await page.goto(f"/w/main/workflows/{path}")
    await page.get_by_role("button", name="Archive …").click()
    await page.get_by_role("button", name="Delete …").click()
    await page.get_by_role("button", name="Delete for good").click()
    await page.wait_for_url("**/w/main/workflows")
    assert site.client.get(f"/api/w/main/flows/get/{path}").status_code == 404


async def test_a_draft_that_was_never_deployed_is_discarded(page: Page, site: Site) -> None:
    body = {"value": {"source": {"format": "yaml", "text": LIST}}}
    assert site.client.put("/api/w/main/drafts/save/flow/f/removal/draft", json=body).status_code == 200
    await page.goto("/w/main/workflows/f/removal/draft")
    await page.get_by_role("button", name="Archive …").click()
    await page.get_by_role("button", name="Discard", exact=True).click()
    await page.wait_for_url("**/w/main/workflows")
    assert site.client.get("/api/w/main/drafts/get/flow/f/removal/draft").status_code == 404
