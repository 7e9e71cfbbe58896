"""Pages of members whose access ends, and of those who are left with what acted for them."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.conftest import Site
from tests.browser.test_runs_list import GOOD
from tests.browser.test_settings import acts_for, has_account, is_accessible, opens, rows, token_of


@pytest.mark.extended
async def test_ended_session_is_shown_by_one_message(site: Site, chromium: Browser) -> None:
    has_account(site, "goer", "developer")
    cookie = {"name": "token", "value": token_of(site, "goer"), "url": site.base, "httpOnly": True}
    context = await chromium.new_context(base_url=site.base)
    try:
        await context.add_cookies([cookie])  # type: ignore[list-item]
        page = await context.new_page()
        await page.goto("/w/main/workflows")
        await expect(page.get_by_role("heading", name="Workflows", level=1)).to_be_visible()
        site.client.post("/api/users/disable/goer@example.org").raise_for_status()
        await page.locator("nav a", has_text="Schedules").dispatch_event("click")
        await expect(page.get_by_role("dialog").get_by_text("Your session has expired")).to_be_visible()
        await expect(page.get_by_role("heading", name="Schedules", level=1, include_hidden=True)).to_have_count(1)
        await expect(page.get_by_text("Something went wrong")).to_have_count(0)
        await expect(page.get_by_text("The token is not valid")).to_have_count(0)
    finally:
        await context.close()


@pytest.mark.extended
async def test_schedule_of_former_member_is_not_resumed(page: Page, site: Site) -> None:
    site.deploy("f/left/good", GOOD)
    has_account(site, "parted", "developer")
    acts_for(site, "parted", "f/left/good")
    site.client.post("/api/w/main/users/update/parted", json={"disabled": True}).raise_for_status()
    # While it is not known who is a member, the schedule may be resumed.
    await page.route("**/users/list", lambda route: route.fulfill(status=403, json={}))
    await page.goto("/w/main/schedules")
    row = page.get_by_label("Schedules", exact=True).get_by_role("listitem").filter(has_text="u/parted/often")
    await expect(row).to_contain_text("Stopped because parted was disabled.")
    await expect(row.get_by_role("button", name="Resume")).to_be_visible()
    await page.unroute_all()
    await page.reload()
    await expect(row).to_contain_text("Stopped because parted was disabled or removed.")
    await expect(row).not_to_contain_text("identity_disabled")
    await expect(row.get_by_role("button", name="Resume")).to_have_count(0)
    await is_accessible(page)
    # Once the member is active again, the schedule can be resumed.
    site.client.post("/api/w/main/users/update/parted", json={"disabled": False}).raise_for_status()
    await page.reload()
    await expect(row).to_contain_text("Stopped because parted was disabled.")
    await row.get_by_role("button", name="Resume").click()
    await expect(row.get_by_role("button", name="Pause")).to_be_visible()
    site.client.delete("/api/w/main/schedules/delete/u/parted/often").raise_for_status()


@pytest.mark.extended
async def test_service_account_of_another_workspace_is_a_member(page: Page, site: Site) -> None:
    site.client.post("/api/workspaces/create", json={"id": "builds", "name": "Builds"}).raise_for_status()
    body = {"username": "robot", "role": "developer"}
    site.client.post("/api/w/builds/service_accounts/create", json=body).raise_for_status()
    await opens(page, "members", "Members")
    await page.get_by_role("button", name="Add member").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("How to add").select_option("add")
    await dialog.get_by_label("E-mail address").fill("robot@builds.service.orvanta")
    await dialog.get_by_role("button", name="Add", exact=True).click()
    row = rows(page, "Members").filter(has_text="robot@builds.service.orvanta")
    await expect(row).to_contain_text("Service account of builds")
    await expect(row.get_by_role("option")).to_have_text(["Developer", "Operator", "Viewer"])
    await is_accessible(page)
    await row.get_by_role("button", name="Remove robot").click()
    await dialog.get_by_role("button", name="Remove", exact=True).click()
    await expect(row).to_have_count(0)
    # Its own workspace creates and revokes tokens for all of its workspaces.
    await page.goto("/w/builds/settings/service-accounts")
    await page.get_by_role("button", name="New token of robot").click()
    await dialog.get_by_label("Label").fill("pipeline")
    await dialog.get_by_label("Valid in").select_option("All workspaces of the service account")
    await dialog.get_by_role("button", name="Create token").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Add at least one scope")
    await dialog.get_by_label("Area").select_option("Workflows")
    await expect(dialog.get_by_role("alert")).to_have_count(0)
    await dialog.get_by_role("button", name="Create token").click()
    await expect(dialog).to_contain_text(f"orvanta login {site.base} --token-stdin --workspace builds")
    await expect(dialog).to_contain_text(f"{site.base}/api/users/whoami")
    await is_accessible(page)
    await dialog.get_by_role("button", name="Done").click()
    await page.get_by_role("link", name="1 token").click()
    await expect(page.get_by_label("Search: Tokens")).to_have_value("robot")
    token = rows(page, "Tokens").filter(has_text="pipeline")
    await expect(token).to_contain_text("All workspaces")
    await token.get_by_role("button", name="Revoke token pipeline").click()
    await dialog.get_by_role("button", name="Revoke", exact=True).click()
    await expect(token).to_have_count(0)
