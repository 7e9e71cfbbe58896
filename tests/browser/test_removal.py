"""Archiving and deleting a workflow on its page, which lists its users first."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check
from tests.browser.test_editing import LIST, archive, draft_saved, flow, opened

pytestmark = pytest.mark.extended


async def test_users_are_listed_before_archiving_or_deleting(page: Page, site: Site) -> None:
    path, caller = "f/removal/used", "f/removal/caller"
    site.deploy(path, LIST)
    call = f"{{type: flow, path: {path}, input_transforms: {{}}}}"
    site.deploy(caller, f"summary: Caller\nvalue: {{modules: [{{id: call, value: {call}}}]}}\n")
    await page.goto(f"/w/main/workflows/{path}")
    await archive(page)
    await expect(page.get_by_label("Used by").get_by_role("listitem")).to_contain_text(
        [f"Workflow Caller {caller}, node call"]
    )
    await check(page)
    await page.get_by_role("button", name="Archive", exact=True).click()
    await page.wait_for_url("**/w/main/workflows")
    assert site.client.get(f"/api/w/main/flows/get/{path}").json()["archived"] is True
    await page.get_by_label("Search workflows").fill(path)
    await page.get_by_role("heading", name="No matches").wait_for()
    await page.get_by_label("Show", exact=True).select_option("Archived")
    await page.get_by_role("link", name="Three steps").click()
    await expect(page.get_by_role("status").filter(has_text="is archived")).to_be_visible()
    await check(page)
    await page.get_by_role("button", name="Restore").click()
    await expect(page.get_by_role("button", name="Restore")).to_have_count(0)
    assert site.client.get(f"/api/w/main/flows/get/{path}").json()["archived"] is False
    site.client.post(f"/api/w/main/flows/archive/{path}", json={"archived": True}).raise_for_status()
    await page.goto(f"/w/main/workflows?show=archived&q={path}")
    await check(page)
    await page.get_by_role("button", name="Restore").click()
    # Other tests may have archived workflows.
    await page.get_by_role("heading", name=re.compile("No archived workflows|No matches")).wait_for()
    await page.get_by_label("Show", exact=True).select_option("Active")
    await page.get_by_role("link", name="Three steps").click()
    await archive(page)
    await page.get_by_role("button", name="Delete…").click()
    await page.get_by_role("button", name="Delete permanently").click()
    await page.wait_for_url("**/w/main/workflows")
    assert site.client.get(f"/api/w/main/flows/get/{path}").status_code == 404


async def test_undeployed_draft_is_discarded(page: Page, site: Site) -> None:
    body = {"value": {"source": {"format": "yaml", "text": LIST}}}
    assert site.client.put("/api/w/main/drafts/flow/f/removal/draft", json=body).status_code == 200
    await page.goto("/w/main/workflows/f/removal/draft")
    await archive(page)
    await expect(page.get_by_role("dialog", name="Discard the draft of f/removal/draft?")).to_be_visible()
    await page.get_by_role("button", name="Discard", exact=True).click()
    await page.wait_for_url("**/w/main/workflows")
    assert site.client.get("/api/w/main/drafts/flow/f/removal/draft").json() is None


async def test_draft_of_deleted_workflow_deploys_as_new(page: Page, site: Site) -> None:
    path = await opened(page, site, LIST, "?panel=node")
    await page.get_by_label("Name", exact=True).fill("Left alone")
    await draft_saved(page)
    site.client.delete(f"/api/w/main/flows/delete/{path}").raise_for_status()
    # The page was opened before the deletion, so that the refusal is its first sign.
    await page.get_by_role("button", name="Deploy", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Deploy", exact=True).click()
    gone = page.get_by_role("alert").filter(has_text="This workflow was deleted")
    await gone.wait_for()
    await page.goto(f"/w/main/workflows?q={path}")
    row = page.get_by_role("main").get_by_role("listitem")
    await expect(row).to_contain_text("Draft, workflow deleted")
    await row.get_by_role("link").first.click()
    await gone.wait_for()
    await check(page)
    await gone.get_by_role("button", name="Deploy").click()
    await page.get_by_role("dialog").get_by_role("button", name="Deploy", exact=True).click()
    await expect(page.get_by_text("Deployed. New runs use this version.")).to_be_visible()
    await expect(gone).to_have_count(0)
    assert flow(site, path)["summary"] == "Left alone"
