"""Rollbacks on the pages of environments."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from tests.browser.conftest import PATIENCE_MS, Site
from tests.browser.test_accessibility import check
from tests.browser.test_environments import account, add_member, create_flow, post, shoot, token_of

pytestmark = pytest.mark.extended


async def test_only_promotions_announce_checks(page: Page, site: Site) -> None:
    """The dialogs that apply a promotion and a rollback, where the rules demand checks after a promotion."""
    for workspace in ("taken-dev", "taken-live"):
        post(site, "/api/workspaces/create", {"id": workspace, "name": workspace})
        post(site, f"/api/w/{workspace}/folders/create", {"name": "shop"})
    post(site, "/api/environments/create", {"name": "taken", "workspace": "taken-live"})
    live = "/api/w/taken-live/deployments"
    for number in (1, 2, 3):
        create_flow(site, "/api/w/taken-dev", "f/shop/orders", f"Release {number}", "type: identity")
        items = [{"kind": "flow", "path": "f/shop/orders"}]
        post(site, "/api/w/taken-dev/releases/create", {"items": items})
        if number < 3:
            request = site.client.post(f"{live}/create", json={"source": "taken-dev", "number": number}).json()
            post(site, f"{live}/apply/{request['id']}", {"plan_hash": request["plan_hash"]})
    rules = {"approvals": 1, "author_may_approve": True, "checks": {"workflow_tests": True}}
    post(site, "/api/environments/update/taken", {"rules": rules})
    promotion = site.client.post(f"{live}/create", json={"source": "taken-dev", "number": 3}).json()
    dialog = await open_dialog(page, site, promotion)
    await expect(dialog).to_contain_text("Checks follow the deployment.")
    rollback = site.client.post(f"{live}/rollback", json={"reason": "Wrong totals"}).json()
    dialog = await open_dialog(page, site, rollback)
    await expect(dialog).to_contain_text("Release 1 of taken-dev is deployed")
    await expect(dialog).not_to_contain_text("Checks follow the deployment.")
    await shoot(page, "apply-rollback")
    await dialog.get_by_role("button", name="Apply to taken").click()
    await expect(page.get_by_text("Applied", exact=True)).to_be_visible()
    assert site.client.get(f"{live}/get/{rollback['id']}").json()["check"] is None
    assert site.client.delete("/api/environments/delete/taken").is_success


async def open_dialog(page: Page, site: Site, request: dict[str, Any]) -> Locator:
    """Approve a request, and open the dialog that applies it."""
    calls = "/api/w/taken-live/deployments"
    post(site, f"{calls}/approve/{request['id']}", {"plan_hash": request["plan_hash"]})
    await page.goto(f"/w/taken-live/environments/taken/requests/{request['id']}")
    await page.get_by_role("button", name="Apply", exact=True).click()
    return page.get_by_role("dialog")


async def test_current_release_that_is_not_readable_is_named(page: Page, site: Site, chromium: Browser) -> None:
    """A member without access to the current release sees no older one as the current one, and can roll back to one."""
    for workspace in ("veil-dev", "veil-live"):
        post(site, "/api/workspaces/create", {"id": workspace, "name": workspace})
        post(site, f"/api/w/{workspace}/folders/create", {"name": "shop", "owners": ["g/all"]})
        post(site, f"/api/w/{workspace}/folders/create", {"name": "secret"})
    post(site, "/api/environments/create", {"name": "veil", "workspace": "veil-live"})
    live = "/api/w/veil-live/deployments"
    for number, path in enumerate(("f/shop/one", "f/shop/two", "f/secret/three"), 1):
        create_flow(site, "/api/w/veil-dev", path, path, "type: identity")
        post(site, "/api/w/veil-dev/releases/create", {"items": [{"kind": "flow", "path": path}]})
        request = site.client.post(f"{live}/create", json={"source": "veil-dev", "number": number}).json()
        post(site, f"{live}/apply/{request['id']}", {"plan_hash": request["plan_hash"]})
    add_member(site, "vivi", {"veil-dev": "developer", "veil-live": "developer"})
    context = await chromium.new_context(base_url=site.base)
    context.set_default_timeout(PATIENCE_MS)
    token = token_of(site, account("vivi"))
    await context.add_cookies([{"name": "token", "value": token, "url": site.base, "httpOnly": True}])
    theirs = await context.new_page()
    text = "The current release contains items that you may not read."
    await theirs.goto("/w/veil-live/environments/veil")
    await expect(theirs.get_by_role("list", name="History").get_by_role("listitem")).to_have_count(2)
    await expect(theirs.get_by_role("region", name="Current release")).to_contain_text(text)
    await expect(theirs.get_by_role("button", name="Roll back to release")).to_have_count(2)
    await check(theirs)
    await shoot(theirs, "unreadable")
    await theirs.goto("/w/veil-live/environments")
    column = theirs.get_by_role("list", name="Environments", exact=True).get_by_role("listitem").filter(has_text="veil")
    await expect(column).to_contain_text(text)
    await shoot(theirs, "unreadable-pipeline")
    await theirs.goto("/w/veil-live/environments/veil")
    await theirs.get_by_role("button", name="Roll back to release 2").click()
    await theirs.get_by_label("Reason").fill("Wrong totals")
    await theirs.get_by_role("dialog").get_by_role("button", name="Rollback").click()
    await theirs.wait_for_url("**/environments/veil/requests/*")
    await expect(theirs.get_by_text("Applied", exact=True)).to_be_visible()
    await context.close()
    assert site.client.delete("/api/environments/delete/veil").is_success
