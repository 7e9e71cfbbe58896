"""Page of the service accounts of a workspace, with their tokens."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check
from tests.browser.test_settings import has_account, is_accessible, opens, rows, status, token_of


@pytest.mark.extended
async def test_service_account_has_tokens_that_admins_see_and_revoke(page: Page, site: Site) -> None:
    await create_service_account(page)
    token = await create_token_of_service_account(page)
    assert status(site, token, "w/main/flows/list") == 200
    await is_accessible(page)
    await is_managed_on_its_own_page(page)
    await revoke_token_of_service_account(page, site)
    assert status(site, token, "w/main/flows/list") == 401
    await disable_and_delete_service_account(page)
    await are_hidden_from_viewers(page, site)


@pytest.mark.extended
async def test_service_account_of_former_admin_continues_for_new_owner(page: Page, site: Site) -> None:
    has_account(site, "founder", "admin")
    calls = "/api/w/main/service_accounts"
    headers = {"Authorization": f"Bearer {token_of(site, 'founder')}"}
    site.client.post(f"{calls}/create", json={"username": "heirloom"}, headers=headers).raise_for_status()
    try:
        await opens(page, "members", "Members")
        dialog = page.get_by_role("dialog")
        await page.get_by_role("button", name="Remove founder").click()
        await expect(dialog.get_by_label("Items that stop")).to_contain_text("heirloom")
        await expect(dialog).to_contain_text("service accounts need new tokens")
        await dialog.get_by_label("New owner").select_option("admin")
        async with page.expect_response("**/ownership/assign"):
            await dialog.get_by_role("button", name="Remove", exact=True).click()
        await expect(dialog).to_have_count(0)
        [found] = [each for each in site.client.get(f"{calls}/list").json() if each["username"] == "heirloom"]
        assert (found["owner"], found["disabled"]) == ("admin", False)
    finally:
        site.client.delete(f"{calls}/delete/heirloom").raise_for_status()


async def create_service_account(page: Page) -> None:
    await opens(page, "service-accounts", "Service accounts")
    await page.get_by_role("button", name="New service account").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Required")
    await dialog.get_by_label("Name").fill("c i")
    await page.keyboard.press("Escape")
    question = page.get_by_role("dialog", name="Discard the changes?")
    await question.get_by_role("button", name="Cancel").click()
    await expect(dialog.get_by_label("Name")).to_have_value("c i")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("c i")
    await dialog.get_by_label("Name").fill("ci")
    await expect(dialog.get_by_role("option", name="Admin")).to_have_count(0)
    await dialog.get_by_label("Role").select_option("Developer")
    await dialog.get_by_label("Description").fill("Deploys from CI")
    await check(page)
    await dialog.get_by_role("button", name="Create").click()
    row = rows(page, "Service accounts").filter(has_text="Deploys from CI")
    await expect(row).to_contain_text(re.compile("ci.*Developer.*Owner: admin.*0 tokens"))


async def create_token_of_service_account(page: Page) -> str:
    """Create a token with scopes and an expiry, which is shown once."""
    row = rows(page, "Service accounts").filter(has_text="Deploys from CI")
    dialog = page.get_by_role("dialog")
    await row.get_by_role("button", name="New token of ci").click()
    await expect(dialog).to_contain_text("Share the folders that it needs with u/ci.")
    await dialog.get_by_label("Label").fill("pipeline")
    await dialog.get_by_role("button", name="Create token").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Add at least one scope")
    await dialog.get_by_label("Area").select_option("Workflows")
    await dialog.get_by_label("Action").select_option("Read")
    # The scope in the fields is taken if none was added.
    await dialog.get_by_role("button", name="Create token").click()
    token = await dialog.locator("[data-command=Token]").inner_text()
    await dialog.get_by_role("button", name="Done").click()
    await expect(row).to_contain_text("1 token")
    return token


async def is_managed_on_its_own_page(page: Page) -> None:
    """The lists of accounts and members offer only what the server allows for a service account."""
    await opens(page, "accounts", "Accounts")
    account = rows(page, "Accounts").filter(has_text="ci@main.service.orvanta")
    await expect(account).to_contain_text("Service account")
    await expect(account.get_by_role("button")).to_have_text(["Disable", "Delete"])
    await expect(account.get_by_role("combobox")).to_have_count(0)
    await opens(page, "members", "Members")
    row = rows(page, "Members").filter(has_text="ci@main.service.orvanta")
    await expect(row.get_by_role("option")).to_have_text(["Developer", "Operator", "Viewer"])
    await expect(row.get_by_role("button")).to_have_text(["Disable"])
    await row.get_by_role("link", name="Service accounts").click()
    await expect(page.get_by_role("heading", name="Service accounts", level=1)).to_be_visible()


async def revoke_token_of_service_account(page: Page, site: Site) -> None:
    """List all tokens of the workspace, and revoke one that is valid in no other workspace."""
    dialog = page.get_by_role("dialog")
    everywhere = site.client.post("/api/users/tokens/create", json={"label": "mine", "scopes": ["jobs:run"]}).text
    await opens(page, "tokens", "Tokens")
    own = rows(page, "Tokens").filter(has_text=everywhere[:10])
    prefix = await own.locator("code").first.inner_text()
    await expect(own).to_contain_text(re.compile("admin.*All workspaces.*Not revocable here"))
    bound = rows(page, "Tokens").filter(has_text="pipeline")
    await expect(bound).to_contain_text(re.compile("ci.*main.*Expires in.*flows:read"))
    await is_accessible(page)
    await page.get_by_label("Search: Tokens").fill("pipeline")
    await bound.get_by_role("button", name="Revoke token pipeline").click()
    await dialog.get_by_role("button", name="Revoke", exact=True).click()
    await expect(bound).to_have_count(0)
    site.client.delete(f"/api/users/tokens/delete/{prefix}").raise_for_status()


async def disable_and_delete_service_account(page: Page) -> None:
    """Disable the account, which then gets no tokens, enable it, and delete it."""
    dialog = page.get_by_role("dialog")
    row = rows(page, "Service accounts").filter(has_text="Deploys from CI")
    await opens(page, "service-accounts", "Service accounts")
    await row.get_by_role("button", name="Disable ci").click()
    await dialog.get_by_role("button", name="Disable", exact=True).click()
    await expect(row).to_contain_text("Disabled")
    await expect(row.get_by_role("button", name="New token of ci")).to_have_count(0)
    await row.get_by_role("button", name="Enable ci").click()
    await row.get_by_role("button", name="Delete ci").click()
    await dialog.get_by_role("button", name="Delete", exact=True).click()
    await expect(row).to_have_count(0)


async def are_hidden_from_viewers(page: Page, site: Site) -> None:
    has_account(site, "onlooker", "viewer")
    cookie = {"name": "token", "value": token_of(site, "onlooker"), "url": site.base, "httpOnly": True}
    await page.context.clear_cookies()
    await page.context.add_cookies([cookie])  # type: ignore[list-item]
    await page.goto("/w/main/settings/tokens")
    await expect(page.get_by_role("heading", name="Not permitted")).to_be_visible()
    pages = page.get_by_role("navigation", name="Settings")
    await expect(pages.get_by_role("link", name="Members")).to_have_count(1)
    hidden = re.compile("Service accounts|Tokens|Audit trail|Usage")
    await expect(pages.get_by_role("link", name=hidden)).to_have_count(0)
