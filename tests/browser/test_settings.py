"""Pages of the settings, checked by axe in dark colours on narrow screens and in light colours on wide ones."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Locator, Page, expect
from tests.browser.conftest import EMAIL, PASSWORD, Site
from tests.browser.test_accessibility import check
from tests.browser.test_runs_list import GOOD

SETTINGS = "/w/main/settings"


async def opens(page: Page, name: str, title: str) -> None:
    """Open a page of the settings by the link of its navigation."""
    await page.goto(SETTINGS)
    await page.get_by_role("navigation", name="Settings").get_by_role("link", name=title, exact=True).click()
    await expect(page).to_have_url(re.compile(f"{SETTINGS}/{name}$"))
    await expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


def status(site: Site, token: str, path: str = "users/whoami") -> int:
    """Return the status of a call with a token."""
    return httpx.get(f"{site.base}/api/{path}", headers={"Authorization": f"Bearer {token}"}, timeout=60).status_code


def logged_in(site: Site) -> str:
    """Return the token of a new session of the admin."""
    return httpx.post(f"{site.base}/api/auth/login", json={"email": EMAIL, "password": PASSWORD}, timeout=60).text


def rows(page: Page, label: str) -> Locator:
    return page.get_by_role("list", name=label, exact=True).get_by_role("listitem")


async def is_accessible(page: Page) -> None:
    """Check the page in both colours and widths."""
    for scheme, width in (("dark", 360), ("light", 1440)):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        await page.set_viewport_size({"width": width, "height": 900})
        await check(page)


@pytest.mark.extended
async def test_profile_has_tokens_sessions_and_password(page: Page, site: Site) -> None:
    session = logged_in(site)
    await opens(page, "profile", "Profile")
    # A token is shown once, and has the scopes that were chosen.
    await page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Create token").click()
    await expect(dialog.get_by_role("alert")).to_have_text(["Required", "Add at least one scope"])
    await dialog.get_by_label("Label").fill("nightly build")
    await dialog.get_by_label("Valid in").select_option("main")
    await dialog.get_by_label("Path (optional)").fill("sales")
    await dialog.get_by_role("button", name="Add scope").click()
    await expect(dialog.get_by_text("Add at least one scope")).to_have_count(0)
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
    row = rows(page, "Tokens").filter(has_text="nightly build")
    await expect(row).to_contain_text(re.compile("main.*Expires in.*jobs:run:f/sales/"))
    await expect(page.get_by_text(token)).to_have_count(0)
    await is_accessible(page)
    await row.get_by_role("button", name="Revoke token nightly build").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke", exact=True).click()
    await expect(row).to_have_count(0)
    assert status(site, token) == 401
    # The scopes of a pipeline are added at once.
    await page.get_by_role("button", name="New token").click()
    await dialog.get_by_role("button", name="CI: push, test and promote").click()
    await expect(dialog.get_by_text("deployments:write", exact=True)).to_be_visible()
    await expect(dialog.get_by_role("button", name=re.compile("^Remove scope"))).to_have_count(11)
    await check(page)
    await dialog.get_by_role("button", name="Cancel").click()
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


def has_account(site: Site, name: str, role: str | None = None) -> None:
    """Create an account with a password, as a member of main with this role unless it is None."""
    body = {"email": f"{name}@example.org", "password": PASSWORD, "username": name}
    site.client.post("/api/users/create", json=body).raise_for_status()
    if role is not None:
        member = {"email": f"{name}@example.org", "role": role}
        site.client.post("/api/w/main/workspaces/add_user", json=member).raise_for_status()


def token_of(site: Site, name: str) -> str:
    """Return the token of a new session of an account of `has_account`."""
    return httpx.post(
        f"{site.base}/api/auth/login", json={"email": f"{name}@example.org", "password": PASSWORD}, timeout=60
    ).text


def acts_for(site: Site, name: str, flow: str) -> None:
    """Create the schedule `u/<name>/often` of a workflow, which acts for a member of `has_account`."""
    grant = {"extra_perms": {f"u/{name}": True, "g/all": True}}
    site.client.post(f"/api/w/main/folders/update/{flow.split('/')[1]}", json=grant).raise_for_status()
    schedule = {"path": f"u/{name}/often", "schedule": "0 0 3 1 1 *", "timezone": "UTC", "script_path": flow}
    body = {**schedule, "is_flow": True, "args": {}, "enabled": True}
    headers = {"Authorization": f"Bearer {token_of(site, name)}"}
    httpx.post(f"{site.base}/api/w/main/schedules/create", json=body, headers=headers, timeout=60).raise_for_status()


async def add_members(page: Page, site: Site) -> None:
    """Invite an address, which is listed until the invitation is withdrawn, and create an account with a link."""
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Add member").click()
    await dialog.get_by_role("button", name="Invite").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Required")
    await dialog.get_by_label("E-mail address").fill("guest")
    await dialog.get_by_role("button", name="Invite").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("is not a valid e-mail address")
    await dialog.get_by_label("E-mail address").fill("guest@example.org")
    await dialog.get_by_role("button", name="Invite").click()
    await expect(dialog.get_by_role("heading", name="guest@example.org has no account")).to_be_visible()
    await expect(dialog).to_contain_text("No mail was sent, because the person could not log in.")
    await dialog.get_by_role("button", name="Done").click()
    await expect(rows(page, "Invitations")).to_contain_text(["guest@example.org"])
    await page.get_by_role("button", name="Withdraw the invitation of guest@example.org").click()
    await expect(page.get_by_text("No pending invitations")).to_be_visible()
    await page.get_by_role("button", name="Add member").click()
    await dialog.get_by_label("How to add").select_option("Create an account")
    await dialog.get_by_label("E-mail address").fill("fresh@example.org")
    await dialog.get_by_label("Role").select_option("Viewer")
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await expect(dialog.locator("[data-command='One-time link']")).to_contain_text(site.base)
    await dialog.get_by_role("button", name="Done").click()
    await expect(page.get_by_label("Role of fresh")).to_have_value("viewer")


async def test_members_are_added_changed_and_removed(page: Page, site: Site) -> None:
    has_account(site, "leaver", "developer")
    has_account(site, "heir", "operator")
    site.deploy("f/settings/owned", GOOD)
    acts_for(site, "leaver", "f/settings/owned")
    for owner in ("leaver", "heir"):
        taken = {"path": f"u/{owner}/taken", "value": "1", "is_secret": False}
        site.client.post("/api/w/main/variables/create", json=taken).raise_for_status()
    await opens(page, "members", "Members")
    await add_members(page, site)
    dialog, member = page.get_by_role("dialog"), rows(page, "Members")
    # The last admin keeps the role; the refusal is shown in its row.
    await page.get_by_label("Search: Members").fill("admin@example.org")
    await expect(member).to_have_count(1)
    await member.get_by_label("Role of").select_option("Viewer")
    await expect(member.get_by_role("alert")).to_contain_text("admin")
    await expect(member.get_by_label("Role of")).to_have_value("admin")
    await page.get_by_label("Search: Members").fill("")
    await page.get_by_label("Role of heir").select_option("Developer")
    await expect(page.get_by_text("heir is now Developer")).to_be_visible()
    await is_accessible(page)
    # The dialog lists what stops, which another member can continue.
    await page.get_by_role("button", name="Remove leaver").click()
    await expect(dialog.get_by_label("Items that stop")).to_contain_text("Schedule u/leaver/often")
    await dialog.get_by_label("New owner").select_option("heir")
    await dialog.get_by_label("Transfer them to").select_option("u/heir")
    await check(page)
    # The transfer assigns them, too, at their new paths.
    async with page.expect_response("**/ownership/transfer") as transferred:
        await dialog.get_by_role("button", name="Remove", exact=True).click()
    assert (await transferred.value).ok
    # What could not be transferred is listed with the reason.
    await expect(dialog.get_by_label("These items could not be moved:")).to_contain_text("u/heir/taken exists")
    await is_accessible(page)
    await dialog.get_by_role("button", name="Done").click()
    await expect(member.filter(has_text="leaver")).to_have_count(0)
    await expect(page.get_by_role("heading", name="Items without an owner")).to_have_count(0)
    schedule = site.client.get("/api/w/main/schedules/get/u/heir/often").json()
    assert (schedule["enabled"], schedule["permissioned_as"]) == (True, "u/heir")
    # Without a new owner, the item waits for one.
    await page.get_by_role("button", name="Disable heir").click()
    await expect(dialog).to_contain_text("This affects this workspace only")
    await dialog.get_by_label("New owner").select_option("Nobody: the items stop")
    await dialog.get_by_role("button", name="Disable", exact=True).click()
    await expect(member.filter(has_text="heir")).to_contain_text("Disabled")
    # The items at the paths of somebody who has left are transferred later, too.
    await page.get_by_role("button", name="Transfer items of heir").click()
    await dialog.get_by_role("button", name="Transfer").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Required")
    await dialog.get_by_label("Transfer them to").select_option("u/admin")
    await check(page)
    await dialog.get_by_role("button", name="Transfer").click()
    await expect(dialog).to_contain_text("Transferred 2 items")
    await dialog.get_by_role("button", name="Done").click()
    await expect(page.get_by_role("button", name="Transfer items of heir")).to_be_visible()
    await page.get_by_role("button", name="Assign u/admin/often").click()
    await dialog.get_by_label("New owner").select_option("admin")
    await dialog.get_by_role("button", name="Assign").click()
    await expect(page.get_by_role("heading", name="Items without an owner")).to_have_count(0)
    site.client.delete("/api/w/main/schedules/delete/u/admin/often").raise_for_status()


async def test_groups_are_created_filled_and_deleted(page: Page, site: Site) -> None:
    has_account(site, "grouped", "developer")
    await opens(page, "groups", "Groups")
    await page.get_by_role("button", name="New group").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("all")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("all")
    await dialog.get_by_label("Name").fill("night")
    await dialog.get_by_label("Description").fill("Night shift")
    await dialog.get_by_label("Description").press("Enter")
    # Its members and managers are selected afterwards.
    await dialog.get_by_role("combobox", name="Members").select_option("grouped")
    await dialog.get_by_role("combobox", name="Managers").select_option("grouped")
    await check(page)
    await dialog.get_by_role("button", name="Save").click()
    row = rows(page, "Groups").filter(has_text="night")
    await expect(row).to_contain_text(re.compile("Night shift.*1 member.*Managers: grouped"))
    assert site.client.get("/api/w/main/groups/get/night").json()["members"] == ["grouped"]
    await is_accessible(page)
    # The arrow keys move between the rows.
    await row.get_by_role("button", name="Delete night").focus()
    await page.keyboard.press("ArrowDown")
    await expect(rows(page, "Groups").last.get_by_role("button").first).to_be_focused()
    await row.get_by_role("button", name="Edit night").click()
    await dialog.get_by_role("button", name="Members: remove grouped").click()
    await dialog.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text("0 members")
    await page.get_by_label("Search: Groups").fill("nowhere")
    await expect(page.get_by_text("No item contains “nowhere”.")).to_be_visible()
    await page.get_by_label("Search: Groups").fill("shift")
    await row.get_by_role("button", name="Delete night").click()
    await dialog.get_by_role("button", name="Delete", exact=True).click()
    await expect(row).to_have_count(0)
    assert "night" not in site.client.get("/api/w/main/groups/listnames").json()


async def test_policies_are_created_from_templates_and_show_violations(page: Page, site: Site) -> None:
    script = {"path": "u/admin/unowned", "summary": "", "content": "echo 1", "language": "bash"}
    site.client.post("/api/w/main/scripts/create", json=script).raise_for_status()
    await opens(page, "policies", "Policies")
    await page.get_by_role("button", name="New policy").click()
    dialog = page.get_by_role("dialog")
    text = dialog.get_by_role("textbox")
    await text.fill("name: [")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog).to_contain_text("Not a valid policy in YAML or JSON")
    await dialog.get_by_label("Template").select_option("owner-label")
    await expect(text).to_have_value(re.compile("owner:"))
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog).to_be_hidden()
    mode = page.get_by_label("Mode of owner-label")
    await expect(mode).to_have_value("off")
    await mode.select_option("evaluate")
    await expect(mode).to_be_enabled()
    await expect(mode).to_have_value("evaluate")
    await is_accessible(page)
    await page.get_by_role("button", name="Violations of owner-label").click()
    violation = rows(page, "Violations").filter(has_text="u/admin/unowned")
    # All items are checked without a click, although those of other tests fill several pages.
    await expect(violation).to_contain_text("needs labels")
    await expect(violation.locator("code")).to_have_text("labels")
    await dialog.get_by_role("button", name="Close").click()
    await page.get_by_role("button", name="Uses of owner-label").click()
    await expect(rows(page, "Used by").filter(has_text="u/admin/unowned")).to_be_visible()
    await dialog.get_by_role("button", name="Close").click()
    # A violation whose correction needs no decision is corrected by a click.
    rules = [{"kind": "require", "on": "script", "field": "labels", "matches": "owner"}]
    body = {"name": "owner-label", "scope": "u/admin/unowned", "mode": "evaluate", "rules": rules}
    site.client.post("/api/w/main/policies/update/owner-label", json=body).raise_for_status()
    await page.get_by_role("button", name="Violations of owner-label").click()
    await dialog.get_by_role("button", name="Fix u/admin/unowned").click()
    await expect(page.get_by_text("u/admin/unowned was corrected and deployed.")).to_be_visible()
    await expect(dialog).to_contain_text("Nothing violates this policy.")
    await expect(dialog.get_by_label("Violations", exact=True)).to_have_count(0)
    assert site.client.get("/api/w/main/scripts/get/p/u/admin/unowned").json()["labels"] == ["owner"]
    await dialog.get_by_role("button", name="Close").click()
    await page.get_by_role("button", name="Delete owner-label").click()
    await expect(page.get_by_role("dialog")).to_contain_text("u/admin/unowned")
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("No policies")).to_be_visible()


@pytest.mark.extended
async def test_default_is_shown_at_its_field_and_limit_with_its_use(page: Page, site: Site) -> None:
    rules = [{"kind": "default", "on": "node", "field": "timeout", "value": 45}]
    policy = {"name": "slow", "scope": "f/policed", "mode": "active", "rules": rules}
    site.client.post("/api/w/main/policies/create", json=policy).raise_for_status()
    code = "{type: rawscript, language: bash, content: echo 1, input_transforms: {}}"
    site.deploy("f/policed/flow", f"summary: Policed\nvalue:\n  modules:\n    - {{id: one, value: {code}}}\n")
    await page.goto("/w/main/workflows/f/policed/flow")
    await page.locator('.react-flow__node[data-id="one"]').click()
    await page.get_by_text("Advanced").click()
    await expect(page.get_by_text("If empty: 45 (policy slow)")).to_be_visible()
    rules = [{"kind": "limit", "resource": "runs_waiting", "maximum": 1000}]
    policy = {"name": "queue", "mode": "off", "rules": rules}
    site.client.post("/api/w/main/policies/create", json=policy).raise_for_status()
    await opens(page, "policies", "Policies")
    await page.get_by_role("button", name="Violations of queue").click()
    await expect(page.get_by_role("dialog")).to_contain_text(re.compile(r"Waiting runs: \d+, at most 1000"))
    for name in ("slow", "queue"):
        site.client.delete(f"/api/w/main/policies/delete/{name}").raise_for_status()


@pytest.mark.extended
async def test_audit_trail_is_filtered_exported_and_verified(page: Page, site: Site) -> None:
    for number in range(110):
        group = {"name": f"audited_{number}"}
        site.client.post("/api/w/main/groups/create", json=group).raise_for_status()
    await opens(page, "audit", "Audit trail")
    filters = page.get_by_role("search", name="Filters")
    operation, entries = filters.get_by_label("Operation"), rows(page, "Audit trail")
    # The text that entries are shown with stands for the operation, which is also suggested.
    await expect(entries.first).to_contain_text("groups.create")
    await operation.fill("Group created")
    await expect(operation).to_have_value("groups.create")
    await expect(filters.get_by_text("f/finance/ finds everything in the folder")).to_be_visible()
    await expect(entries).to_have_count(100)
    await expect(entries.first).to_contain_text(re.compile("Group created.*Created.*audited_109.*admin"))
    await expect(page).to_have_url(re.compile("operation=groups.create"))
    await is_accessible(page)
    await page.get_by_role("button", name="Show older entries").click()
    await expect(entries.nth(109)).to_contain_text("audited_0")
    # An item is found by the beginning of its name.
    await filters.get_by_label("Item").fill("audited_7")
    await expect(entries).to_have_count(11)
    # The export has the same filters.
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Export (NDJSON)").click()
    lines = Path(await (await download.value).path()).read_text().splitlines()
    named = [f"audited_{number}" for number in (7, *range(70, 80))]
    assert [json.loads(line)["resource"] for line in lines] == named
    # The chain is verified, again with the anchor that it has returned.
    await page.get_by_role("button", name="Verify").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Anchor").fill("nonsense")
    await dialog.get_by_role("button", name="Verify").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("anchor must be <links>:<head>.")
    await dialog.get_by_label("Anchor").fill("")
    await dialog.get_by_role("button", name="Verify").click()
    await expect(dialog.get_by_role("status")).to_contain_text("verified")
    anchor = await dialog.locator("[data-command^=Anchor]").inner_text()
    await check(page)
    await dialog.get_by_label("Anchor (optional)").fill(f"{anchor.partition(':')[0]}:00")
    await dialog.get_by_role("button", name="Verify").click()
    await expect(dialog.get_by_role("status")).to_contain_text("The anchor does not belong to this chain")
    await dialog.get_by_label("Anchor (optional)").fill(anchor)
    await dialog.get_by_role("button", name="Verify").click()
    await expect(dialog.get_by_role("status")).to_contain_text("verified")
    await page.keyboard.press("Escape")
    # Superadmins see the trail of the installation as well.
    await page.goto(f"{SETTINGS}/audit?of=instance&operation=users")
    await expect(entries.first.locator("[title^='users.']")).to_have_count(1)


async def test_error_handler_and_channels_of_alerts_are_set(page: Page, site: Site) -> None:
    await opens(page, "alerts", "Alerts")
    field, save = page.get_by_label("Script or workflow"), page.get_by_role("button", name="Save")
    await field.fill("flow/f/examples/missing")
    await save.click()
    await expect(page.get_by_role("alert")).to_contain_text("does not exist")
    await field.fill("flow/f/examples/order_receipt")
    await save.click()
    await expect(page.get_by_text("It runs as u/admin, who set it.")).to_be_visible()
    await expect(page.get_by_text("No channels", exact=True)).to_be_visible()
    await page.get_by_role("button", name="New channel").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("chat")
    await dialog.get_by_label("Kind").select_option("slack")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Required")
    await dialog.get_by_label("URL").fill("https://hooks.example.org/secret-path")
    await dialog.get_by_role("button", name="Create").click()
    channel = rows(page, "Channels").filter(has_text="chat")
    await expect(channel).to_contain_text("The address is stored and not shown.")
    await expect(page.get_by_text("No alerts")).to_be_visible()
    await channel.get_by_role("button", name="Edit chat").click()
    await expect(dialog.get_by_label("Name")).to_have_value("chat")
    await expect(dialog.get_by_label("Kind")).to_have_value("slack")
    await expect(dialog.get_by_label("URL")).to_have_value("")
    await dialog.get_by_label("Checks failed").check()
    await check(page)
    await dialog.get_by_role("button", name="Save").click()
    await expect(channel).to_contain_text("Checks failed")
    stored = site.client.get("/api/settings/global/alerts").json()["channels"]["chat"]
    assert (stored["kind"], stored["url"], stored["deployments"]) == ("slack", "***", ["failed"])
    await channel.get_by_role("button", name="Edit chat").click()
    await dialog.get_by_label("Checks failed").uncheck()
    await dialog.get_by_label("URL").fill("no address")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("needs an http or https URL")
    await dialog.get_by_label("URL").fill("https://hooks.example.org/other")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    await is_accessible(page)
    await channel.get_by_role("button", name="Delete chat").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("No channels", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Remove", exact=True).click()
    await expect(field).to_have_value("")


async def test_accounts_are_created_reset_disabled_and_deleted(page: Page, site: Site) -> None:
    has_account(site, "steward", "developer")
    site.deploy("f/accounts/owned", GOOD)
    acts_for(site, "steward", "f/accounts/owned")
    await opens(page, "accounts", "Accounts")
    await page.get_by_role("button", name="New account").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("E-mail address").fill("steward@example.org")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("is taken")
    await dialog.get_by_label("E-mail address").fill("newcomer@example.org")
    await dialog.get_by_role("combobox", name="Role").select_option("DevOps")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.locator("[data-command='One-time link']")).to_contain_text(site.base)
    await dialog.get_by_role("button", name="Done").click()
    role = page.get_by_label("Role of newcomer@example.org")
    await expect(role).to_have_value("devops")
    # Nobody becomes a superadmin unasked.
    await role.select_option("Superadmin")
    await page.get_by_role("dialog", name="Make newcomer@example.org a superadmin").get_by_text("Cancel").click()
    await expect(role).to_have_value("devops")
    await is_accessible(page)
    # The last superadmin keeps the role; the refusal is shown in its row.
    accounts = rows(page, "Accounts")
    own = accounts.filter(has_text=EMAIL)
    await own.get_by_label("Role of").select_option("User")
    await expect(own.get_by_role("alert")).to_be_visible()
    await expect(own.get_by_label("Role of")).to_have_value("superadmin")
    # A reset ends the password at once, and returns a link.
    await page.get_by_label("Search: Accounts").fill("steward")
    await expect(accounts).to_have_count(1)
    token = token_of(site, "steward")
    await accounts.get_by_role("button", name="Reset password of").click()
    await dialog.get_by_role("button", name="Reset password", exact=True).click()
    await expect(dialog.locator("[data-command='One-time link']")).to_contain_text(site.base)
    await dialog.get_by_role("button", name="Done").click()
    assert status(site, token) == 401
    # What stops is shown before an account is disabled.
    await accounts.get_by_role("button", name="Disable").click()
    await expect(dialog.get_by_label("Items that stop")).to_contain_text("Schedule u/steward/often (main)")
    await check(page)
    await dialog.get_by_label("New owner").select_option("Nobody: the items stop")
    await dialog.get_by_role("button", name="Disable", exact=True).click()
    await expect(accounts).to_contain_text("Disabled")
    await accounts.get_by_role("button", name="Enable").click()
    await expect(accounts.get_by_role("button", name="Disable")).to_be_visible()
    await accounts.get_by_role("button", name="Delete").click()
    await dialog.get_by_role("button", name="Delete", exact=True).click()
    await expect(accounts).to_have_count(0)
    site.client.delete("/api/w/main/schedules/delete/u/steward/often").raise_for_status()


@pytest.mark.extended
async def test_profile_of_another_person_offers_nothing_that_is_refused(page: Page, site: Site) -> None:
    has_account(site, "acted", "developer")
    body = {"workspace_id": "main", "username": "acted", "minutes": 15, "reason": "Support"}
    started = site.client.post("/api/auth/impersonate", json=body)
    cookie = {"name": "token", "value": started.text, "url": site.base, "httpOnly": True}
    await page.context.add_cookies([cookie])  # type: ignore[list-item]
    await page.goto(f"{SETTINGS}/profile")
    await expect(page.get_by_text("You act as this person. Only they can")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await expect(page.get_by_role("button", name="Change password")).to_have_count(0)


async def test_folder_shows_who_may_what(page: Page, site: Site) -> None:
    has_account(site, "sharer", "developer")
    await opens(page, "folders", "Folders")
    await page.get_by_role("button", name="New folder").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("no spaces")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("is not a valid folder name")
    await dialog.get_by_label("Name").fill("shared")
    await dialog.get_by_role("button", name="Create").click()
    await dialog.get_by_role("combobox", name="Share with").select_option("u/sharer")
    await dialog.get_by_label("Access of u/sharer").select_option("Write")
    await dialog.get_by_role("combobox", name="Share with").select_option("g/all")
    await check(page)
    await dialog.get_by_role("button", name="Save").click()
    row = rows(page, "Folders").filter(has_text="f/shared")
    await expect(row).to_contain_text(re.compile("u/admin: Owner.*"))
    await expect(row).to_contain_text("u/sharer: Write")
    await expect(row).to_contain_text("g/all: Read")
    assert site.client.get("/api/w/main/users/get/sharer").json()["folders"].count("shared") == 1
    await is_accessible(page)
    # A folder may name somebody who has not joined yet, which is shown.
    await expect(row).not_to_contain_text("has no member or group")
    body = {"owners": ["u/admin", "u/sharer", "u/nobody_yet"]}
    site.client.post("/api/w/main/folders/update/shared", json=body).raise_for_status()
    await page.reload()
    await expect(row).to_contain_text("The workspace has no member or group u/nobody_yet.")
    await row.get_by_role("button", name="Edit f/shared").click()
    await dialog.get_by_role("button", name="Remove u/nobody_yet").click()
    await dialog.get_by_role("button", name="Remove u/sharer").click()
    await dialog.get_by_role("button", name="Save").click()
    await expect(row).not_to_contain_text("sharer")
    await row.get_by_role("button", name="Delete f/shared").click()
    await dialog.get_by_role("button", name="Delete", exact=True).click()
    await expect(row).to_have_count(0)
