"""Dialog of the permissions of an item, which names who has access and why."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check
from tests.browser.test_runs_list import GOOD
from tests.browser.test_settings import SETTINGS, has_account, rows, token_of

ITEM = "/w/main/workflows/f/sharing/flow"
API = "/api/w/main"


@pytest.fixture(scope="module", autouse=True)
def folder(site: Site) -> None:
    """A folder with one item of each kind."""
    site.deploy("f/sharing/flow", GOOD)
    bodies: dict[str, dict[str, object]] = {
        "scripts": {"content": "echo 1", "language": "bash"},
        "variables": {"value": "1"},
        "resources": {"resource_type": "postgresql", "value": {"host": "db", "dbname": "shop"}},
        "schedules": {"schedule": "0 0 3 1 1 *", "timezone": "UTC", "script_path": "f/sharing/flow", "is_flow": True},
        "http_triggers": {
            "script_path": "f/sharing/flow",
            "is_flow": True,
            "route_path": "sharing",
            "http_method": "post",
            "workspaced_route": True,
            "authentication_method": "none",
        },
    }
    for kind, body in bodies.items():
        path = {"path": f"f/sharing/{kind}"}
        site.client.post(f"{API}/{kind}/create", json={**body, **path}).raise_for_status()


@pytest.mark.extended
async def test_item_is_shared_and_access_is_explained(page: Page, site: Site) -> None:
    has_account(site, "partner", "developer")
    token = token_of(site, "partner")

    def reads() -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{site.base}{API}/flows/get/f/sharing/flow", headers=headers, timeout=60).status_code

    await page.goto("/w/main/workflows?q=f/sharing")
    await page.get_by_role("main").get_by_role("button", name=re.compile("^Actions for")).click()
    await page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog", name="Access to f/sharing/flow")
    members, permissions = rows(page, "Who can do what, and why"), rows(page, "Permissions")
    await expect(members.filter(has_text=re.compile("^admin"))).to_contain_text(
        "Read, Run, Write, Share: superadmin of the instance; owner of the folder (u/admin)"
    )
    await expect(dialog.get_by_text(re.compile("No access:.*partner"))).to_be_visible()
    assert reads() == 404
    # Each change takes effect at once, and the reasons follow.
    await dialog.get_by_role("combobox", name="Share with").select_option("u/partner")
    partner = members.filter(has_text="partner")
    await expect(partner).to_contain_text("Read, Run: permission on the item (u/partner)")
    assert reads() == 200
    await dialog.get_by_role("combobox", name="Permission of u/partner").select_option("Write")
    await expect(partner).to_contain_text("Read, Run, Write: permission on the item (u/partner)")
    await dialog.get_by_label("Search members").fill("admin@")
    await expect(members).to_have_count(1)
    await check(page)
    # The member sees only their own access and cannot change it.
    cookie = {"name": "token", "value": token, "url": site.base, "httpOnly": True}
    own = await page.context.cookies()
    await page.context.clear_cookies()
    await page.context.add_cookies([cookie])  # type: ignore[list-item]
    await page.goto(ITEM)
    await page.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Share").click()
    await expect(members).to_have_count(1)
    await expect(dialog.get_by_text("You see only your own access")).to_be_visible()
    await expect(permissions).to_have_text([re.compile("u/partner.*Write")])
    await expect(dialog.get_by_role("combobox")).to_have_count(0)
    await page.context.clear_cookies()
    await page.context.add_cookies(own)  # type: ignore[arg-type]
    # The user who shared it can remove the permission.
    await page.goto(ITEM)
    await page.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Share").click()
    await dialog.get_by_role("button", name="Remove the permission of u/partner").click()
    await expect(dialog.get_by_text("Not shared with anyone else")).to_be_visible()
    assert reads() == 404


@pytest.mark.extended
async def test_every_kind_has_the_dialog(page: Page) -> None:
    places = {
        "/w/main/scripts?q=f/sharing": "f/sharing/scripts",
        "/w/main/scripts/f/sharing/scripts": "f/sharing/scripts",
        "/w/main/schedules?q=f/sharing": "f/sharing/schedules",
        f"{SETTINGS}/variables?q=f/sharing": "f/sharing/variables",
        f"{SETTINGS}/resources?q=f/sharing": "f/sharing/resources",
        f"{ITEM}?view=triggers": "f/sharing/http_triggers",
        f"{SETTINGS}/folders?q=sharing": "f/sharing",
    }
    for place, name in places.items():
        await page.goto(place)
        if not name.endswith("http_triggers"):  # its button is not in a menu
            await page.get_by_role("main").get_by_role("button", name=re.compile("^(Actions for|More actions)")).click()
        await page.get_by_role("button", name="Share", exact=True).click()
        dialog = page.get_by_role("dialog", name=f"Access to {name}")
        await expect(dialog.get_by_role("list", name="Who can do what, and why")).to_contain_text("superadmin")
    # Owners of a folder are shown but not changed here.
    await expect(rows(page, "Permissions")).to_have_text([re.compile("u/admin.*Owner")])
