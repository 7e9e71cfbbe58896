"""Pages of the settings, also checked by axe in dark colours on a narrow screen and in light ones on a wide one."""

from __future__ import annotations

import re

import httpx
from playwright.async_api import Locator, Page, expect
from tests.browser.conftest import EMAIL, PASSWORD, Site
from tests.browser.test_accessibility import check

SETTINGS = "/w/main/settings"


async def opens(page: Page, name: str, title: str) -> None:
    """Open a page of the settings by the link of its navigation."""
    await page.goto(SETTINGS)
    await page.get_by_role("navigation", name="Settings").get_by_role("link", name=title, exact=True).click()
    await expect(page).to_have_url(re.compile(f"{SETTINGS}/{name}$"))
    await expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


def status(site: Site, token: str, path: str = "users/whoami") -> int:
    """Return the status of a call with a token."""
    return httpx.get(f"{site.base}/api/{path}", headers={"Authorization": f"Bearer {token}"}).status_code


def logged_in(site: Site) -> str:
    """Return the token of a new session of the admin."""
    return httpx.post(f"{site.base}/api/auth/login", json={"email": EMAIL, "password": PASSWORD}).text


def rows(page: Page, label: str) -> Locator:
    return page.get_by_role("list", name=label, exact=True).get_by_role("listitem")


async def is_accessible(page: Page) -> None:
    """Check the page in both colours and widths."""
    for scheme, width in (("dark", 360), ("light", 1440)):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        await page.set_viewport_size({"width": width, "height": 900})
        await check(page)


async def test_profile_has_tokens_sessions_and_password(page: Page, site: Site) -> None:
    session = logged_in(site)
    await opens(page, "profile", "Profile")
    # A token is shown once, and has the scopes that were chosen.
    await page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Create token").click()
    await expect(dialog.get_by_role("alert")).to_have_text(["Required", "Add at least one scope"])
    await dialog.get_by_label("Label").fill("ci")
    await dialog.get_by_label("Valid in").select_option("main")
    await dialog.get_by_label("Path (optional)").fill("sales")
    await dialog.get_by_role("button", name="Add scope").click()
    await dialog.get_by_role("button", name="Create token").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("The scope 'jobs:run:sales' is invalid.")
    await dialog.get_by_role("button", name="Remove scope jobs:run:sales").click()
    await dialog.get_by_label("Path (optional)").fill("f/sales/*")
    await dialog.get_by_label("Path (optional)").press("Enter")
    await check(page)
    await dialog.get_by_role("button", name="Create token").click()
    token = await dialog.locator("[data-command=Token]").inner_text()
    assert status(site, token, "w/main/scripts/list") == 403
    await dialog.get_by_role("button", name="Done").click()
    row = rows(page, "Tokens").filter(has_text="ci")
    await expect(row).to_contain_text(re.compile("main.*Expires in.*jobs:run:f/sales/"))
    await expect(page.get_by_text(token)).to_have_count(0)
    await is_accessible(page)
    await row.get_by_role("button", name="Revoke token ci").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke", exact=True).click()
    await expect(row).to_have_count(0)
    assert status(site, token) == 401
    # Another session can be ended.
    assert status(site, session) == 200
    other = rows(page, "Sessions").filter(has_text=session[:10])
    await other.get_by_role("button", name="End session").click()
    await expect(other).to_have_count(0)
    assert status(site, session) == 401
    # Errors of the password are shown at their fields.
    current, again = page.get_by_label("Current password"), page.get_by_label("Repeat new password")
    await current.fill("wrong password")
    await page.get_by_label("New password", exact=True).fill("a longer secret")
    await again.fill("another secret")
    change = page.get_by_role("button", name="Change password")
    await change.click()
    await expect(page.get_by_role("alert")).to_have_text("The passwords differ")
    await again.fill("a longer secret")
    await change.click()
    await expect(page.get_by_role("alert")).to_have_text("The current password is wrong.")
    await current.fill(PASSWORD)
    await change.click()
    await expect(page.get_by_text("Password changed")).to_be_visible()
    await expect(current).to_have_value("")
    restore = {"current_password": "a longer secret", "password": PASSWORD}
    site.client.post("/api/users/setpassword", json=restore).raise_for_status()
