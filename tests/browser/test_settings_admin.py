"""Pages of the settings for admins: workspaces, organisations, settings of the instance."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.conftest import PASSWORD, Site
from tests.browser.test_accessibility import check
from tests.browser.test_german_pages import GERMAN
from tests.browser.test_runs_list import GOOD
from tests.browser.test_settings import has_account, is_accessible, opens, rows, status, token_of

ISSUER = "https://127.0.0.1:9/realms/staff"
"""Issuer at an address that the server does not call."""


def status_of_scim(site: Site, token: str) -> int:
    """Return the status of a call of a SCIM client with a token."""
    return httpx.get(f"{site.base}/scim/v2/Users", headers={"Authorization": f"Bearer {token}"}, timeout=60).status_code


@pytest.mark.extended
async def test_settings_of_instance_are_changed(page: Page, site: Site) -> None:
    await opens(page, "instance", "Instance settings")
    row = rows(page, "Passwords and tokens").filter(has_text="min_password_length")
    await expect(row).to_contain_text("Minimum length of passwords")
    await expect(row).to_contain_text(re.compile("8.*Default"))
    await row.get_by_role("button", name="Edit Minimum length of passwords").click()
    dialog = page.get_by_role("dialog")
    for wrong, problem in (("many", "Not a whole number"), ("7", "The value of min_password_length is not valid")):
        await dialog.get_by_label("Value").fill(wrong)
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_role("alert")).to_contain_text(problem)
    await dialog.get_by_label("Value").fill("9")
    await dialog.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text(re.compile("9.*Changed .* by admin"))
    assert site.client.get("/api/settings/global/min_password_length").json() == 9
    # A variable of the environment takes precedence over a setting, which cannot be changed then.
    fixed = rows(page, "Other").filter(has_text="audit_retention_days")
    await expect(fixed).to_contain_text("Set by the environment variable ORVANTA_AUDIT_RETENTION_DAYS")
    await expect(fixed.get_by_role("button")).to_have_count(0)
    alerts = rows(page, "Other").filter(has=page.get_by_text("Alerts", exact=True))
    await expect(alerts).to_contain_text("No channels, 7 conditions")
    manual = alerts.get_by_role("link", name="Documentation of Alerts")
    await expect(manual).to_have_attribute("href", "/docs/how-to/operate/alerts.html")
    # The color is shown above every page.
    await page.get_by_role("button", name="Edit Branding colour").click()
    await expect(dialog.get_by_label("Value")).to_have_attribute("type", "color")
    await dialog.get_by_label("Value").fill("#00aa77")
    await dialog.get_by_role("button", name="Save").click()
    await expect(rows(page, "Other").filter(has_text="branding_color")).to_contain_text("#00aa77")
    await page.reload()
    await expect(page.locator("[style*='rgb(0, 170, 119)']")).to_have_count(1)
    await page.get_by_role("button", name="Use default of Branding colour").click()
    # Queues by workspace are entries, not text to be written.
    await page.get_by_role("button", name="Edit Default queues").click()
    for workspace, queue in (("sales", "gpu"), ("*", "shared")):
        await dialog.get_by_label("Workspace").fill(workspace)
        await dialog.get_by_label("Queue", exact=True).fill(queue)
        await dialog.get_by_role("button", name="Add").click()
    await dialog.get_by_role("button", name="Remove *").click()
    await dialog.get_by_role("button", name="Save").click()
    await expect(rows(page, "Other").filter(has_text="default_tags")).to_contain_text("sales: gpu")
    assert site.client.get("/api/settings/global/default_tags").json() == {"sales": "gpu"}
    await page.get_by_role("button", name="Use default of Default queues").click()
    # Values of the environment are shown as such, without secrets.
    environment = rows(page, "Environment")
    await expect(environment.filter(has_text="ORVANTA_PORT")).to_contain_text("Set for this process")
    await expect(environment.filter(has_text="ORVANTA_INSTANCE_KEY")).to_contain_text("Default")
    await is_accessible(page)
    await page.get_by_label("Search: Environment").fill("ORVANTA_HOST")
    await expect(environment).to_have_count(1)
    await row.get_by_role("button", name="Use default of Minimum length of passwords").click()
    await expect(row).to_contain_text(re.compile("8.*Default"))
    # The page Single sign-on has these settings.
    await expect(page.get_by_text(re.compile("oidc_providers|break_glass_account"))).to_have_count(0)
    # A secret inside a value is replaced by a mask, and unchanged if the mask is sent back.
    server = {"host": "mail.example.org", "sender": "orvanta@example.org", "password": "swordfish"}
    site.client.post("/api/settings/global/smtp", json={"value": server}).raise_for_status()
    try:
        await page.reload()
        await page.get_by_role("button", name="Edit Mail server").click()
        await expect(dialog.get_by_label("Password")).to_have_value("")
        await expect(dialog.get_by_text("Leave empty to keep the stored password.")).to_be_visible()
        await expect(page.get_by_text("swordfish")).to_have_count(0)
        await check(page)
        await dialog.get_by_role("button", name="Cancel").click()
        await page.get_by_role("button", name="Use default of Mail server").click()
        await expect(page.get_by_text("Mail server was reset to its default")).to_be_visible()
    finally:
        site.client.post("/api/settings/global/smtp", json={"value": None}).raise_for_status()


@pytest.mark.extended
async def test_usage_is_shown_by_day_item_and_member(page: Page, site: Site) -> None:
    """The server has recorded the hours before its start, in which nothing ran."""
    await opens(page, "usage", "Usage")
    days = page.get_by_role("table", name="By day")
    await expect(days.get_by_role("row")).not_to_have_count(1)
    await page.get_by_label("Time span").select_option("7 days")
    await expect(page).to_have_url(re.compile("last=7d"))
    await expect(days.get_by_role("columnheader")).to_have_text(["Day", "Runs", "Failed", "Run time", "Files"])
    await is_accessible(page)
    await page.set_viewport_size({"width": 360, "height": 900})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await opens(page, "instance-usage", "Usage by workspace")
    await expect(page.get_by_role("table").get_by_role("rowheader", name="main")).to_be_visible()
    await is_accessible(page)


@pytest.mark.extended
async def test_two_admins_see_both_values_of_a_setting(page: Page, site: Site) -> None:
    """The admin who saves second sees the stored value, and replaces it only by saving again."""
    dialog = page.get_by_role("dialog")
    try:
        await opens(page, "instance", "Instance settings")
        await page.get_by_role("button", name="Edit Minimum length of passwords").click()
        site.client.post("/api/settings/global/min_password_length", json={"value": 11}).raise_for_status()
        await dialog.get_by_label("Value").fill("9")
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_role("alert")).to_contain_text(
            "min_password_length was changed to 11 in the meantime."
        )
        await expect(dialog.get_by_label("Value")).to_have_value("9")
        assert site.client.get("/api/settings/global/min_password_length").json() == 11
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog).to_have_count(0)
        assert site.client.get("/api/settings/global/min_password_length").json() == 9
        await opens(page, "workspace", "Workspace settings")
        days = page.get_by_label("Days for which runs are retained")
        await expect(days).to_be_visible()
        calls = "/api/w/main/workspaces"
        site.client.post(f"{calls}/edit_retention", json={"retention_days": 20}).raise_for_status()
        site.client.post(f"{calls}/edit_token_max_age", json={"token_max_age_days": 50}).raise_for_status()
        await days.fill("10")
        await page.get_by_role("button", name="Save").click()
        problem = page.get_by_role("main").get_by_role("alert")
        await expect(problem).to_contain_text("retention_days was changed to 20 in the meantime.")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Saved Workspace settings")).to_be_visible()
        stored = site.client.get(f"{calls}/get_settings").json()
        # A change of the other admin remains if this admin did not change the same setting.
        assert (stored["retention_days"], stored["token_max_age_days"]) == (10, 50)
    finally:
        site.client.post("/api/settings/global/min_password_length", json={"value": None}).raise_for_status()
        for call, name in (("edit_retention", "retention_days"), ("edit_token_max_age", "token_max_age_days")):
            site.client.post(f"/api/w/main/workspaces/{call}", json={name: None}).raise_for_status()


@pytest.mark.extended
async def test_grants_of_scim_groups_are_edited(page: Page, site: Site) -> None:
    dialog = page.get_by_role("dialog")
    stored = "/api/settings/global/scim_grants"
    try:
        await opens(page, "scim", "SCIM")
        await page.get_by_role("button", name="New grant").click()
        await dialog.get_by_role("button", name="Create").click()
        await expect(dialog.get_by_role("alert")).to_have_text(["Required", "Required"])
        await dialog.get_by_label("Group at the provider").fill("engineering")
        await dialog.get_by_role("combobox", name="Workspace").select_option("main")
        await dialog.get_by_label("Role").select_option("Operator")
        await dialog.get_by_label("Groups of the workspace").fill("not valid/")
        await check(page)
        await dialog.get_by_role("button", name="Create").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("'valid/' is not a valid group name.")
        await dialog.get_by_label("Groups of the workspace").fill("deployers, support")
        await dialog.get_by_role("button", name="Create").click()
        row = rows(page, "Memberships by SCIM group")
        await expect(row).to_contain_text(re.compile("engineering → main.*Operator.*g/deployers.*g/support"))
        grant = {"claim": "engineering", "workspace": "main", "role": "operator", "groups": ["deployers", "support"]}
        assert site.client.get(stored).json() == [grant]
        await is_accessible(page)
        await row.get_by_role("button", name="Delete engineering → main").click()
        await dialog.get_by_role("button", name="Delete").click()
        await expect(row).to_have_count(0)
        assert site.client.get(stored).json() == []
    finally:
        site.client.post(stored, json={"value": None}).raise_for_status()


@pytest.mark.extended
async def test_two_admins_see_both_values_of_handler_channel_and_group(page: Page, site: Site) -> None:
    """Saving again replaces the error handler and the worker group, and adds the channel to those already stored."""
    dialog, handler = page.get_by_role("dialog"), "/api/w/main/workspaces/edit_error_handler"
    group, alerts = "/api/configs/update/race", "/api/settings/global/alerts"
    site.deploy("f/alerts/theirs", GOOD)
    site.deploy("f/alerts/mine", GOOD)
    try:
        await opens(page, "alerts", "Alerts")
        await expect(page.get_by_text("No channels", exact=True)).to_be_visible()
        await page.get_by_label("Script or workflow").fill("flow/f/alerts/mine")
        site.client.post(handler, json={"error_handler": "flow/f/alerts/theirs"}).raise_for_status()
        await page.get_by_role("button", name="Save").click()
        problem = page.get_by_role("main").get_by_role("alert")
        await expect(problem).to_contain_text('was changed to "flow/f/alerts/theirs" in the meantime.')
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("It runs as u/admin, who set it.")).to_be_visible()
        settings = site.client.get("/api/w/main/workspaces/get_settings").json()
        assert settings["error_handler"]["path"] == "flow/f/alerts/mine"
        await page.get_by_role("button", name="New channel").click()
        await dialog.get_by_label("Name").fill("mine")
        await dialog.get_by_label("Kind").select_option("webhook")
        await dialog.get_by_label("URL").fill("https://mine.example.org")
        await dialog.get_by_label("Checks failed").check()
        channel = {"kind": "webhook", "url": "https://theirs.example.org"}
        site.client.post(alerts, json={"value": {"channels": {"theirs": channel}}}).raise_for_status()
        await dialog.get_by_role("button", name="Create").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("alerts was changed to")
        await dialog.get_by_role("button", name="Create").click()
        await expect(dialog).to_have_count(0)
        stored = site.client.get(alerts).json()["channels"]
        assert sorted(stored) == ["mine", "theirs"] and stored["mine"]["deployments"] == ["failed"]
        site.client.post(group, json={"slots": 2}).raise_for_status()
        await page.goto("/w/main/workers")
        row = page.get_by_role("list", name="Worker groups").get_by_role("listitem").filter(has_text="race")
        await row.get_by_role("button", name="Edit").click()
        await dialog.get_by_label("Queues").fill("gpu")
        site.client.post(group, json={"slots": 3}).raise_for_status()
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_role("alert")).to_contain_text('race was changed to {"worker_tags":null')
        await expect(dialog.get_by_role("alert")).to_contain_text('"slots":3')
        assert site.client.get("/api/configs/get/race").json()["worker_tags"] is None
        await dialog.get_by_role("button", name="Save").click()
        await expect(row).to_contain_text("Queues: gpu")
    finally:
        site.client.post(handler, json={"error_handler": None}).raise_for_status()
        site.client.post(alerts, json={"value": None}).raise_for_status()
        site.client.delete("/api/configs/delete/race")


@pytest.mark.extended
async def test_tokens_of_scim_clients_are_created_and_revoked(page: Page, site: Site) -> None:
    await opens(page, "scim", "SCIM")
    await expect(page.locator("[data-command='SCIM base URL']")).to_have_text(f"{site.base}/scim/v2")
    await expect(page.get_by_text("No tokens", exact=True)).to_be_visible()
    await page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Expires after").select_option("90 days")
    await check(page)
    await dialog.get_by_role("button", name="Create token").click()
    token = await dialog.locator("[data-command=Token]").inner_text()
    await dialog.get_by_role("button", name="Done").click()
    row = rows(page, "Tokens")
    await expect(row).to_contain_text(re.compile("Created .* by admin.*Expires in [23] months.*Never used"))
    assert status_of_scim(site, token) == 200
    await is_accessible(page)
    await row.get_by_role("button", name="Revoke token").click()
    await dialog.get_by_role("button", name="Revoke", exact=True).click()
    await expect(page.get_by_text("No tokens", exact=True)).to_be_visible()
    assert status_of_scim(site, token) == 401


@pytest.mark.extended
async def test_workspace_from_creation_to_deletion(page: Page, site: Site) -> None:
    await create_workspace(page)
    await rows(page, "Workspaces").get_by_role("link", name="Settings of shortlived").click()
    await change_workspace(page, site)
    flow = {"path": "u/admin/idle", "source": {"format": "yaml", "text": "value: {modules: []}"}}
    assert site.client.post("/api/w/shortlived/flows/create", json=flow).is_success
    await archive_and_unarchive_workspace(page)
    await delete_workspace(page)
    assert site.client.get("/api/w/shortlived/workspaces/get_settings").status_code == 404


async def test_long_buttons_wrap_in_a_narrow_window(page: Page) -> None:
    await page.context.add_init_script(GERMAN)
    await page.set_viewport_size({"width": 390, "height": 900})
    await page.goto("/w/main/settings/workspace")
    await expect(page.get_by_text("Mit verschlüsselten Geheimnissen exportieren")).to_be_visible()
    main = page.get_by_role("main")
    assert await main.evaluate("main => main.scrollWidth <= main.clientWidth")


async def create_workspace(page: Page) -> None:
    await opens(page, "workspaces", "Workspaces")
    await page.get_by_role("button", name="New workspace").click()
    dialog = page.get_by_role("dialog")
    for wrong, problem in (("", "Required"), ("no spaces", "no spaces"), ("main", "main")):
        await dialog.get_by_label("Id", exact=True).fill(wrong)
        await dialog.get_by_role("button", name="Create").click()
        await expect(dialog.get_by_role("alert")).to_contain_text(problem)
    await dialog.get_by_label("Id", exact=True).fill("shortlived")
    await check(page)
    await dialog.get_by_role("button", name="Create").click()
    row = rows(page, "Workspaces").filter(has_text="shortlived")
    await expect(row).to_contain_text("Owner: admin")
    await is_accessible(page)


async def change_workspace(page: Page, site: Site) -> None:
    """Change settings, which are stored one by one; an error is shown at its field."""
    await page.get_by_label("Name", exact=True).fill("Short-lived")
    age = page.get_by_label("Maximum lifetime of new tokens in days")
    for wrong, problem in (("many", "Not a whole number"), ("0", "The age of tokens must be from 1")):
        await age.fill(wrong)
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("main").get_by_role("alert")).to_contain_text(problem)
    await age.fill("30")
    await page.get_by_label("Days for which runs are retained").fill("7")
    await page.get_by_label("Developers and admins may read secrets").check()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved Workspace settings")).to_be_visible()
    stored = site.client.get("/api/w/shortlived/workspaces/get_settings").json()
    names = ("token_max_age_days", "retention_days", "secrets_readable", "search_run_data")
    assert [stored[name] for name in names] == [30, 7, True, False]
    assert site.client.get("/api/w/shortlived/workspaces/get_workspace_name").text == "Short-lived"
    await is_accessible(page)


async def archive_and_unarchive_workspace(page: Page) -> None:
    """Archive the workspace, and unarchive it on one of its pages and in the list."""
    dialog = page.get_by_role("dialog")
    archived = rows(page, "Archived workspaces").filter(has_text="shortlived")
    await page.get_by_role("button", name="Archive shortlived").click()
    await dialog.get_by_role("button", name="Archive", exact=True).click()
    await expect(archived).to_have_count(1)
    await page.goto("/w/shortlived/workflows")
    banner = page.get_by_role("region", name="Archived workspace")
    await expect(banner).to_contain_text("nothing runs")
    run = page.get_by_role("main").get_by_role("button", name="Run", exact=True)
    await expect(run).to_be_disabled()
    await expect(run).to_have_attribute("title", "This workspace is archived. It starts no runs.")
    new = page.get_by_role("main").get_by_role("button", name="New workflow")
    await expect(new).to_be_disabled()
    await expect(new).to_have_attribute("title", "This workspace is archived. Nothing in it can be changed.")
    await check(page)
    await page.get_by_role("link", name="idle").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("u/admin/idle")
    await expect(page.get_by_role("status").filter(has_text="Read only")).to_be_visible()
    await banner.get_by_role("button", name="Unarchive workspace").click()
    await expect(page.get_by_role("button", name="Deploy")).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text="Deployed")).to_be_visible()
    await page.goto("/w/shortlived/settings/workspace")
    await page.get_by_role("button", name="Archive shortlived").click()
    await dialog.get_by_role("button", name="Archive", exact=True).click()
    await expect(archived).to_have_count(1)
    await page.goto("/w/shortlived/workflows")
    await banner.get_by_role("button", name="Unarchive workspace").click()
    await expect(banner).to_have_count(0)
    await expect(run).to_be_enabled()
    await page.goto("/w/shortlived/settings/workspace")
    await page.get_by_role("button", name="Archive shortlived").click()
    await dialog.get_by_role("button", name="Archive", exact=True).click()
    await archived.get_by_role("button", name="Unarchive shortlived").click()
    await expect(archived).to_have_count(0)


async def delete_workspace(page: Page) -> None:
    """Archive the workspace, and delete it after its id is typed."""
    dialog = page.get_by_role("dialog")
    archived = rows(page, "Archived workspaces").filter(has_text="shortlived")
    await page.get_by_role("button", name="Archive shortlived").click()
    await dialog.get_by_role("button", name="Archive", exact=True).click()
    await expect(archived).to_have_count(1)
    await expect(page.get_by_role("button", name="Archive shortlived", exact=True)).to_have_count(0)
    await expect(page.get_by_role("button", name="Save")).to_have_count(0)
    await page.goto("/w/shortlived/settings/workspaces")
    await expect(rows(page, "Workspaces").filter(has_text="shortlived")).to_have_count(0)
    await archived.get_by_role("button", name="Delete shortlived").click()
    await dialog.get_by_label("Type shortlived to delete it").fill("shortlive")
    await dialog.get_by_role("button", name="Delete", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_have_text("Type shortlived to delete it")
    await check(page)
    await dialog.get_by_label("Type shortlived to delete it").fill("shortlived")
    await dialog.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.get_by_text("Deleted shortlived")).to_be_visible()
    # The page leaves the deleted workspace.
    await expect(page).not_to_have_url(re.compile("/w/shortlived"))
    await expect(page.get_by_label("Workspace").get_by_role("option", name="shortlived")).to_have_count(0)


async def provider_is_entered(page: Page, site: Site) -> None:
    """Enter an OpenID provider, and change it."""
    dialog = page.get_by_role("dialog")
    await opens(page, "sso", "Single sign-on")
    await page.get_by_role("button", name="New provider").click()
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_role("alert")).to_have_text(["Required"] * 4)
    await dialog.get_by_label("Name of the provider").fill("corp")
    address = dialog.locator("[data-command='Redirect URI']")
    await expect(address).to_have_text(f"{site.base}/api/auth/oidc/callback/corp")
    await dialog.get_by_label("Label").fill("Corporate login")
    await dialog.get_by_label("Client id").fill("orvanta")
    await dialog.get_by_label("Client secret").fill("swordfish")
    await dialog.get_by_label("Issuer").fill("http://id.example.org")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("must be an https URL")
    await dialog.get_by_label("Issuer").fill(ISSUER)
    await check(page)
    # Its discovery document cannot be read. The page warns once: the provider may only be away.
    await dialog.get_by_role("button", name="Create").click()
    problem = dialog.get_by_role("alert")
    await expect(problem).to_contain_text("The discovery document of the issuer cannot be used")
    await expect(problem).to_be_in_viewport(ratio=1)
    # The warning is about what was entered then.
    await dialog.get_by_label("Label").fill("Corporate log-in")
    await expect(problem).to_have_count(0)
    await expect(dialog.get_by_role("button", name="Save anyway")).to_have_count(0)
    await dialog.get_by_label("Label").fill("Corporate login")
    await dialog.get_by_role("button", name="Create").click()
    await dialog.get_by_role("button", name="Save anyway").click()
    provider = rows(page, "Single sign-on").filter(has_text="Corporate login")
    await expect(provider).to_contain_text(ISSUER)
    await page.get_by_role("button", name="New provider").click()
    await expect(dialog.get_by_label("Create an account at the first login")).to_be_checked()
    await dialog.get_by_label("Name of the provider").fill("corp")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_role("alert").first).to_have_text("A provider has this name already")
    await dialog.get_by_role("button", name="Cancel").click()
    await provider_is_changed(page, site)
    # Only a superadmin who could log in becomes the account with a password.
    await page.get_by_role("button", name="Edit Break-glass account").click()
    await dialog.get_by_label("E-mail address").fill("nobody@example.org")
    await dialog.get_by_role("button", name="Save").click()
    question = page.get_by_role("dialog", name="Allow only nobody@example.org to log in with a password?")
    await expect(question).not_to_contain_text("There is no provider.")
    await question.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("must be an enabled superadmin")
    await dialog.get_by_role("button", name="Cancel").click()
    await is_accessible(page)


async def provider_is_changed(page: Page, site: Site) -> None:
    """Change a provider. The stored secret is not shown, and remains if its field is left empty."""
    dialog = page.get_by_role("dialog")
    provider = rows(page, "Single sign-on").filter(has_text="Corporate login")
    await provider.get_by_role("button", name="Edit corp").click()
    await expect(dialog.get_by_label("Client secret")).to_have_value("")
    await dialog.get_by_label("Domains").fill("example.org, example.com")
    await dialog.get_by_label("Scopes").fill("openid email groups")
    await dialog.get_by_label("Create an account at the first login").uncheck()
    await dialog.get_by_label("Private networks of the provider").fill("10.1.0.0/16")
    await grants_are_added(page)
    await dialog.get_by_role("button", name="Save").click()
    await dialog.get_by_role("button", name="Save anyway").click()
    await expect(provider).to_contain_text("example.com")
    stored = site.client.get("/api/settings/global/oidc_providers").json()["corp"]
    assert (stored["client_secret"], stored["domains"]) == ("***", ["example.org", "example.com"])
    assert (stored["scopes"], stored["sign_up"]) == (["openid", "email", "groups"], False)
    assert stored["networks"] == ["10.1.0.0/16"]
    [grant] = stored["grants"]
    assert (grant["domain"], grant["workspace"], grant["role"]) == ("example.org", "main", "viewer")
    [offered] = site.client.get("/api/auth/oidc/providers").json()["providers"]
    assert offered["label"] == "Corporate login"


async def grants_are_added(page: Page) -> None:
    """Add a grant for a group and one for a domain, and remove the first; the form of the provider stores them."""
    dialog = page.get_by_role("dialog", name="New grant")
    listed = rows(page, "Memberships by group or domain")
    for by, label, value in (
        ("claim", "Group at the provider", "staff"),
        ("domain", "Domain of the e-mail address", "example.org"),
    ):
        await page.get_by_role("button", name="New grant").click()
        await dialog.get_by_role("combobox", name="Granted by").select_option(by)
        await dialog.get_by_role("textbox", name=label).fill(value)
        await dialog.get_by_role("combobox", name="Workspace").select_option("main")
        await dialog.get_by_label("Role").select_option("Viewer")
        await check(page)
        await dialog.get_by_role("button", name="Create").click()
    await expect(listed).to_have_text([re.compile("staff → main"), re.compile("@example.org → main.*Viewer")])
    await page.get_by_role("button", name="Remove staff → main").click()
    await expect(listed).to_have_count(1)


async def identity_is_linked(page: Page, site: Site) -> None:
    """Link an identity at the provider to an account, and unlink it."""
    dialog, row = page.get_by_role("dialog"), rows(page, "Identities")
    call = "/api/users/identities/joined@example.org"
    has_account(site, "joined")
    await opens(page, "accounts", "Accounts")
    await page.get_by_role("button", name="Identities of joined@example.org").click()
    await expect(dialog).to_contain_text("No identities are linked.")
    await dialog.get_by_role("button", name="Link", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_have_text("Required")
    await dialog.get_by_label("Subject").fill("248289761001")
    await dialog.get_by_role("button", name="Link", exact=True).click()
    await expect(row).to_contain_text(re.compile(f"248289761001.*{ISSUER}.*Linked"))
    assert [each["subject"] for each in site.client.get(call).json()] == ["248289761001"]
    await check(page)
    await row.get_by_role("button", name="Unlink 248289761001").click()
    await page.get_by_role("dialog", name="Unlink").get_by_role("button", name="Unlink", exact=True).click()
    await expect(row).to_have_count(0)
    assert site.client.get(call).json() == []
    await dialog.get_by_role("button", name="Cancel").click()


async def groups_are_created(page: Page) -> None:
    """Create the groups `engineering` and `support`."""
    dialog = page.get_by_role("dialog")
    await opens(page, "groups", "Groups")
    for name in ("engineering", "support"):
        await page.get_by_role("button", name="New group").click()
        await dialog.get_by_label("Name").fill(name)
        await dialog.get_by_role("button", name="Create").click()
        await dialog.get_by_role("button", name="Save").click()
        await expect(rows(page, "Groups").filter(has_text=name)).to_have_count(1)


async def folder_is_shared(page: Page) -> None:
    """Create a folder and share it with the groups."""
    dialog = page.get_by_role("dialog")
    await opens(page, "folders", "Folders")
    await page.get_by_role("button", name="New folder").click()
    await dialog.get_by_label("Name").fill("shop")
    await dialog.get_by_role("button", name="Create").click()
    await dialog.get_by_role("combobox", name="Share with").select_option("g/engineering")
    await dialog.get_by_label("Access of g/engineering").select_option("Write")
    await dialog.get_by_role("combobox", name="Share with").select_option("g/support")
    await dialog.get_by_role("button", name="Save").click()
    folder = rows(page, "Folders").filter(has_text="f/shop")
    await expect(folder).to_contain_text("g/engineering: Write")
    await expect(folder).to_contain_text("g/support: Read")


async def resource_is_created(page: Page, site: Site) -> None:
    """Create a resource in the folder."""
    dialog = page.get_by_role("dialog")
    await opens(page, "resources", "Resources")
    await page.get_by_role("button", name="New resource", exact=True).click()
    await dialog.get_by_role("combobox", name="Folder").select_option("f/shop")
    await dialog.get_by_label("Id", exact=True).fill("orders")
    await dialog.get_by_role("combobox", name="Type").select_option("postgresql")
    for field, value in (("host", "db.example.org"), ("user", "orvanta"), ("password", "hush"), ("dbname", "shop")):
        await dialog.get_by_label(field, exact=True).fill(value)
    await dialog.get_by_role("button", name="Create").click()
    await expect(rows(page, "Resources").filter(has_text="f/shop/orders")).to_contain_text("postgresql")
    value = site.client.get("/api/w/main/resources/get/f/shop/orders").json()["value"]
    assert (value["host"], value["password"]) == ("db.example.org", "***")


async def service_account_gets_token(page: Page, site: Site) -> None:
    """Create a service account with a token that can only read workflows."""
    dialog = page.get_by_role("dialog")
    await opens(page, "service-accounts", "Service accounts")
    await page.get_by_role("button", name="New service account").click()
    await dialog.get_by_label("Name").fill("pipeline")
    await dialog.get_by_label("Role").select_option("Developer")
    await dialog.get_by_role("button", name="Create").click()
    await page.get_by_role("button", name="New token of pipeline").click()
    await dialog.get_by_label("Label").fill("deploy")
    await dialog.get_by_label("Area").select_option("Workflows")
    await dialog.get_by_label("Action").select_option("Read")
    await dialog.get_by_role("button", name="Add scope").click()
    await dialog.get_by_role("button", name="Create token").click()
    token = await dialog.locator("[data-command=Token]").inner_text()
    assert [status(site, token, f"w/main/{each}/list") for each in ("flows", "variables")] == [200, 403]


@pytest.mark.extended
async def test_new_admin_sets_up_an_organisation(page: Page, site: Site) -> None:
    """Single sign-on, groups, a folder, a resource, and a service account with a token, by the pages alone."""
    try:
        await provider_is_entered(page, site)
        await identity_is_linked(page, site)
        await groups_are_created(page)
        await folder_is_shared(page)
        await resource_is_created(page, site)
        await service_account_gets_token(page, site)
    finally:
        site.client.post("/api/settings/global/oidc_providers", json={"value": None}).raise_for_status()
        for path in ("service_accounts/delete/pipeline", "resources/delete/f/shop/orders", "folders/delete/shop"):
            site.client.delete(f"/api/w/main/{path}")
        for name in ("engineering", "support"):
            site.client.delete(f"/api/w/main/groups/delete/{name}")


@pytest.mark.extended
async def test_open_browser_of_disabled_account_is_logged_out(page: Page, site: Site, chromium: Browser) -> None:
    has_account(site, "quitter", "developer")
    cookie = {"name": "token", "value": token_of(site, "quitter"), "url": site.base, "httpOnly": True}
    context = await chromium.new_context(base_url=site.base)
    try:
        await context.add_cookies([cookie])  # type: ignore[list-item]
        other = await context.new_page()
        await other.goto("/w/main/workflows")
        await expect(other.get_by_role("heading", name="Workflows", level=1)).to_be_visible()
        await opens(page, "accounts", "Accounts")
        await page.get_by_label("Search: Accounts").fill("quitter")
        row = rows(page, "Accounts")
        await row.get_by_role("button", name="Disable").click()
        await page.get_by_role("dialog").get_by_role("button", name="Disable", exact=True).click()
        await expect(row).to_contain_text("Disabled")
        # The next request of the other browser is refused, and a login with the password as well. That request may also
        # be one for the badges of the navigation: the dialog then covers the link already.
        await other.locator("nav a", has_text="Scripts").dispatch_event("click")
        await expect(other.get_by_text("Your session has expired")).to_be_visible()
        await other.get_by_label("E-mail address").fill("quitter@example.org")
        await other.get_by_label("Password").fill(PASSWORD)
        await other.get_by_role("button", name="Log in", exact=True).click()
        await expect(other.get_by_text("The e-mail address or the password is wrong.")).to_be_visible()
    finally:
        await context.close()
