"""Forms of the settings of the instance that consist of several fields, and the dialog for somebody who leaves."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check
from tests.browser.test_invitations import mail_server
from tests.browser.test_runs_list import BAD, GOOD, start
from tests.browser.test_settings import acts_for, has_account, is_accessible, opens, rows, token_of

pytestmark = pytest.mark.extended
SMTP = "/api/settings/global/smtp"
ALERTS = "/api/settings/global/alerts"


async def test_mail_server_is_tested_in_its_form(page: Page, site: Site) -> None:
    dialog, alert = page.get_by_role("dialog"), page.get_by_role("dialog").get_by_role("alert")
    test = dialog.get_by_role("button", name="Send test mail")
    async with mail_server(site) as box:
        stored = site.client.get(SMTP).json()
        await opens(page, "instance", "Instance settings")
        await page.get_by_role("button", name="Edit Mail server").click()
        await expect(dialog.get_by_label("Mail server", exact=True)).to_have_value("127.0.0.1")
        # The address of the server is not set, which links in mails begin with.
        await expect(dialog).to_contain_text(f"Links in mails begin with {site.base}")
        guide = dialog.get_by_role("link", name="Configuration of the server")
        await expect(guide).to_have_attribute("href", re.compile(r"/docs/how-to/operate/install\.html#configure$"))
        await dialog.get_by_label("Recipient of the test mail").fill("probe@example.org")
        await test.click()
        await expect(dialog.get_by_role("status")).to_contain_text("The mail server accepted the mail: 250 OK.")
        assert box.mails[-1]["To"] == "probe@example.org"
        await check(page)
        # What is typed is tested, not what is stored.
        await dialog.get_by_label("Private networks of the mail server").fill("")
        await test.click()
        await expect(dialog.get_by_role("status")).to_contain_text("is not a public address")
        await dialog.get_by_label("Sender").fill("")
        await test.click()
        await expect(alert).to_have_text("Complete the fields of the server first.")
        await dialog.get_by_label("Sender").fill("other@example.org")
        await dialog.get_by_label("Private networks of the mail server").fill("127.0.0.0/8")
        await dialog.get_by_label("Encryption").select_option("TLS from the start")
        await expect(dialog.get_by_label("Port")).to_have_value(str(stored["port"]))
        await dialog.get_by_label("Port").fill("many")
        await dialog.get_by_role("button", name="Save").click()
        await expect(alert.first).to_have_text("Not a whole number")
        await dialog.get_by_label("Port").fill("465")
        await dialog.get_by_label("User").fill("orvanta")
        await dialog.get_by_label("Password").fill("swordfish")
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog).to_have_count(0)
        expected = {"host": "127.0.0.1", "port": 465, "tls": "implicit", "user": "orvanta", "password": "***"}
        assert expected.items() <= site.client.get(SMTP).json().items()
        # A stored password is sent to no other server.
        await page.get_by_role("button", name="Edit Mail server").click()
        await dialog.get_by_label("Mail server", exact=True).fill("mail.example.org")
        await dialog.get_by_role("button", name="Save").click()
        await expect(alert).to_contain_text("Send the password again.")
        await dialog.get_by_role("button", name="Cancel").click()
        await is_accessible(page)


async def test_conditions_of_alerts_have_a_form(page: Page, site: Site) -> None:
    dialog = page.get_by_role("dialog")
    channel = {"kind": "slack", "url": "https://hooks.example.org/secret"}
    site.client.post(ALERTS, json={"value": {"channels": {"chat": channel}}}).raise_for_status()
    try:
        await opens(page, "instance", "Instance settings")
        await page.get_by_role("button", name="Edit Alerts").click()
        wait = dialog.get_by_label("Longest wait of a job, in seconds")
        await expect(wait).to_have_value("300")
        for wrong, problem in (("soon", "Not a whole number"), ("1", "The value of alerts is not valid")):
            await wait.fill(wrong)
            await dialog.get_by_role("button", name="Save").click()
            await expect(dialog.get_by_role("alert")).to_contain_text(problem)
        await wait.fill("")
        await dialog.get_by_label("Maximum size of the database, in GiB").fill("1.5")
        await dialog.get_by_label("A worker is lost").uncheck()
        await dialog.get_by_label("Worker group").fill("gpu")
        await dialog.get_by_label("Workers", exact=True).fill("2")
        await dialog.get_by_role("button", name="Add").click()
        await check(page)
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog).to_have_count(0)
        stored = site.client.get(ALERTS).json()
        assert (stored["queue_age_s"], stored["database_bytes"], stored["lost_workers"]) == (None, 3 << 29, False)
        assert (stored["group_workers"], stored["channels"]["chat"]["url"]) == ({"gpu": 2}, "***")
    finally:
        site.client.post(ALERTS, json={"value": None}).raise_for_status()


async def test_mail_channel_needs_recipients_only_and_is_tested(page: Page, site: Site) -> None:
    """Its form and its row say so if there is no mail server."""
    dialog, channel = page.get_by_role("dialog"), rows(page, "Channels").filter(has_text="oncall")
    test = channel.get_by_role("button", name="Send test message to oncall")
    try:
        await opens(page, "alerts", "Alerts")
        await page.get_by_role("button", name="New channel").click()
        await expect(dialog).to_contain_text("No mail server is set, so no mail can be sent.")
        await expect(dialog.get_by_label("Mail server")).to_have_count(0)
        await dialog.get_by_label("Name").fill("oncall")
        await dialog.get_by_role("button", name="Create").click()
        await expect(dialog.get_by_role("alert")).to_have_text("Required")
        await dialog.get_by_label("Recipients").fill("oncall@example.org")
        await check(page)
        await dialog.get_by_role("button", name="Create").click()
        await expect(channel).to_contain_text("oncall@example.org")
        await test.click()
        await expect(channel.get_by_role("status")).to_contain_text("The instance has no mail server")
        failure = channel.get_by_text("The last message could not be sent")
        site.deploy("f/alerts/broken", BAD)
        start(site, "f/alerts/broken", wait=True)
        # The alert is sent within some 20 seconds, and the page asks every 15.
        await expect(failure).to_contain_text("The instance has no mail server", timeout=90_000)
        failed_run = page.get_by_role("main").locator("a[href*='/w/main/runs/']")
        await expect(failed_run).to_have_count(1, timeout=90_000)
        await check(page)
        async with mail_server(site) as box:
            await test.click()
            await expect(channel.get_by_role("status")).to_contain_text("The server accepted the message.")
            assert (box.mails[-1]["To"], box.mails[-1]["From"]) == ("oncall@example.org", "orvanta@example.org")
            await expect(failure).to_have_count(0)
            await is_accessible(page)
            await page.reload()
            await page.get_by_role("button", name="New channel").click()
            await expect(dialog).to_contain_text("Sent by the mail server of the Instance settings.")
            link = dialog.get_by_role("link", name="Instance settings")
            await expect(link).to_have_attribute("href", "/w/main/settings/instance")
    finally:
        site.client.post(ALERTS, json={"value": None}).raise_for_status()


async def return_to_window(page: Page) -> None:
    """Return to the window of a page, which fetches the settings of the instance again."""
    async with page.expect_response("**/api/settings/list_global"):
        await page.evaluate("window.dispatchEvent(new Event('visibilitychange'))")


async def test_channel_form_does_not_restore_removed_recipient(page: Page, site: Site) -> None:
    """A form that was open before the change shows the conflict, although the page fetched the change."""
    dialog, row = page.get_by_role("dialog"), page.locator("li", has_text="oncall")
    channel = {"kind": "email", "to": ["ann@example.org", "gone@example.org"]}
    site.client.post(ALERTS, json={"value": {"channels": {"oncall": channel}}}).raise_for_status()
    try:
        await opens(page, "alerts", "Alerts")
        await page.get_by_role("button", name="Edit oncall").click()
        theirs = {"oncall": {**channel, "to": ["ann@example.org"]}, "chat": {**channel, "to": ["bea@example.org"]}}
        site.client.post(ALERTS, json={"value": {"channels": theirs}}).raise_for_status()
        await return_to_window(page)
        await expect(row).not_to_contain_text("gone@example.org")
        await dialog.get_by_label("Checks failed").check()
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("alerts was changed to")
        assert site.client.get(ALERTS).json()["channels"] == theirs
        # Saving again replaces this channel only.
        await dialog.get_by_label("Recipients").fill("ann@example.org, eve@example.org")
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog).to_have_count(0)
        mine = {"kind": "email", "to": ["ann@example.org", "eve@example.org"], "deployments": ["failed"]}
        assert site.client.get(ALERTS).json()["channels"] == {**theirs, "oncall": mine}
    finally:
        site.client.post(ALERTS, json={"value": None}).raise_for_status()


MAIL = {"host": "mail.example.org", "sender": "orvanta@example.org"}
CHANNEL = {"kind": "email", "to": ["ann@example.org"]}


@pytest.mark.parametrize(
    ("name", "label", "before", "theirs", "summary"),
    [
        ("min_password_length", "Minimum length of passwords", 9, 11, "11"),
        ("smtp", "Mail server", MAIL, {**MAIL, "port": 2525}, ":2525"),
        ("alerts", "Alerts", {"queue_age_s": 100}, {"channels": {"oncall": CHANNEL}}, "1 channel,"),
        ("break_glass_account", "Break-glass account", None, "admin@example.org", "admin@example.org"),
    ],
)
async def test_form_does_not_replace_later_value(
    page: Page, site: Site, name: str, label: str, before: Any, theirs: Any, summary: str
) -> None:
    """A form that was open before the change shows the conflict, although the page fetched the change."""
    dialog, row = page.get_by_role("dialog"), page.locator("li", has=page.get_by_text(name, exact=True))
    stored = f"/api/settings/global/{name}"
    site.client.post(stored, json={"value": before}).raise_for_status()
    try:
        is_login = name == "break_glass_account"
        await opens(page, *(("sso", "Single sign-on") if is_login else ("instance", "Instance settings")))
        await page.get_by_role("button", name=f"Edit {label}").click()
        site.client.post(stored, json={"value": theirs}).raise_for_status()
        await return_to_window(page)
        await expect(row).to_contain_text(summary)
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_role("alert")).to_contain_text(f"{name} was changed to")
        assert site.client.get(stored).json() == theirs
    finally:
        site.client.post(stored, json={"value": None}).raise_for_status()


async def test_channel_is_added_to_alerts_without_channels(page: Page, site: Site) -> None:
    """The API accepts a value without channels, whose conditions remain."""
    site.client.post(ALERTS, json={"value": {"queue_age_s": 100}}).raise_for_status()
    dialog = page.get_by_role("dialog")
    try:
        await opens(page, "alerts", "Alerts")
        await expect(page.get_by_text("No channels", exact=True)).to_be_visible()
        await look(page, "no-channels")
        await page.get_by_role("button", name="New channel").click()
        await dialog.get_by_label("Name").fill("oncall")
        await dialog.get_by_label("Recipients").fill("ann@example.org")
        await dialog.get_by_role("button", name="Create").click()
        await expect(rows(page, "Channels")).to_contain_text("ann@example.org")
        stored = site.client.get(ALERTS).json()
        assert (stored["queue_age_s"], list(stored["channels"])) == (100, ["oncall"])
    finally:
        site.client.post(ALERTS, json={"value": None}).raise_for_status()


async def test_dialogs_of_settings_have_their_names_and_fitting_help(page: Page, site: Site) -> None:
    """A choice cannot be left empty, and the values of entries are named."""
    dialog = page.get_by_role("dialog")
    await opens(page, "instance", "Instance settings")
    await page.get_by_role("button", name="Edit Minimum length of passwords").click()
    await expect(page.get_by_role("dialog", name="Minimum length of passwords", exact=True)).to_be_visible()
    await expect(dialog).to_contain_text("Leave empty to use the default.")
    await dialog.get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Edit Two-step login required").click()
    await expect(dialog.get_by_label("Value")).to_have_value("false")
    await expect(dialog).not_to_contain_text("Leave empty")
    await dialog.get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Edit Trusted keys of releases").click()
    await expect(dialog.get_by_label("Public key")).to_be_visible()


async def test_somebody_leaves_the_organisation_by_one_dialog(page: Page, site: Site) -> None:
    """The account is disabled, and its schedules continue for another member."""
    has_account(site, "parting", "developer")
    has_account(site, "staying", "operator")
    site.deploy("f/parting/owned", GOOD)
    acts_for(site, "parting", "f/parting/owned")
    taken = {"path": "u/parting/note", "value": "1", "is_secret": False}
    site.client.post("/api/w/main/variables/create", json=taken).raise_for_status()
    dialog, member = page.get_by_role("dialog"), rows(page, "Members")
    await opens(page, "members", "Members")
    await page.get_by_role("button", name="End account parting@example.org").click()
    await expect(dialog.get_by_label("Items that stop")).to_contain_text("Schedule u/parting/often (main)")
    await dialog.get_by_role("combobox", name="Account").select_option("Delete the account")
    await dialog.get_by_label("New owner (main)").select_option("staying")
    await dialog.get_by_label("Transfer them to (main)").select_option("u/staying")
    await check(page)
    await dialog.get_by_role("button", name="Delete", exact=True).click()
    await expect(dialog).to_have_count(0)
    await expect(member.filter(has_text="parting@example.org")).to_have_count(0)
    schedule = site.client.get("/api/w/main/schedules/get/u/staying/often").json()
    assert (schedule["enabled"], schedule["permissioned_as"]) == (True, "u/staying")
    assert site.client.get("/api/w/main/variables/get/u/staying/note").status_code == 200
    accounts = site.client.get("/api/users/list_as_super_admin").json()
    assert "parting@example.org" not in [each["email"] for each in accounts]
    site.client.delete("/api/w/main/schedules/delete/u/staying/often").raise_for_status()


async def test_departure_ends_nothing_until_its_successor_is_accepted(page: Page, site: Site) -> None:
    """Disabled people cannot be new owners, and somebody must choose whether the items stop."""
    for name, role in (("departing", "developer"), ("departed", "developer"), ("bystander", "viewer")):
        has_account(site, name, role)
    site.deploy("f/departing/owned", GOOD)
    acts_for(site, "departing", "f/departing/owned")
    site.client.post("/api/users/disable/departed@example.org").raise_for_status()
    dialog = page.get_by_role("dialog")
    owner, alert = dialog.get_by_label("New owner"), dialog.get_by_role("alert")
    await opens(page, "members", "Members")
    await page.get_by_role("button", name="End account departing@example.org").click()
    await expect(dialog).to_contain_text("This affects the whole installation")
    await expect(dialog).to_contain_text("1 session and no tokens end immediately.")
    await expect(owner.get_by_role("option", name="bystander")).to_have_count(1)
    await expect(owner.get_by_role("option", name="departed")).to_have_count(0)
    await expect(dialog.get_by_label("Transfer them to").get_by_role("option", name="u/departed")).to_have_count(0)
    await dialog.get_by_role("button", name="Disable", exact=True).click()
    await expect(alert).to_have_text("Required")
    await check(page)
    await look(page, "departure")
    await owner.select_option("bystander")
    await dialog.get_by_role("button", name="Disable", exact=True).click()
    await expect(alert).to_contain_text("u/bystander may not run the workflow f/departing/owned")
    schedule = site.client.get("/api/w/main/schedules/get/u/departing/often").json()
    assert (schedule["enabled"], schedule["permissioned_as"]) == (True, "u/departing")
    assert site.client.get("/api/w/main/users/get/departing").json()["account_disabled"] is False
    await owner.select_option("Nobody: the items stop")
    await dialog.get_by_role("button", name="Disable", exact=True).click()
    await expect(dialog).to_have_count(0)
    member = rows(page, "Members").filter(has_text="departing@example.org")
    await expect(member).to_contain_text("Account disabled")
    await expect(member.get_by_role("button")).to_have_text(["Remove"])
    await is_accessible(page)
    await look(page, "members")
    await page.get_by_role("button", name="Assign u/departing/often").click()
    await expect(owner.get_by_role("option", name="admin", exact=True)).to_have_count(1)
    await expect(owner.get_by_role("option", name="departing")).to_have_count(0)
    await owner.select_option("admin")
    await dialog.get_by_role("button", name="Assign").click()
    await expect(page.get_by_role("heading", name="Items without an owner")).to_have_count(0)
    site.client.delete("/api/w/main/schedules/delete/u/departing/often").raise_for_status()
    for name in ("departing", "departed", "bystander"):
        site.client.delete(f"/api/users/delete/{name}@example.org").raise_for_status()


async def test_departure_continues_after_a_refused_item(page: Page, site: Site) -> None:
    """Assigned items keep their new owner, and the references of the rest can be allowed."""
    has_account(site, "moving", "developer")
    site.deploy("f/moving/owned", GOOD)
    acts_for(site, "moving", "f/moving/owned")
    schedule = site.client.get("/api/w/main/schedules/get/u/moving/often").json()
    reads = {"path": "u/moving/reads", "args": {"key": "$var:u/moving/key"}}
    body = {**{key: schedule[key] for key in ("schedule", "timezone", "script_path", "is_flow", "enabled")}, **reads}
    headers = {"Authorization": f"Bearer {token_of(site, 'moving')}"}
    site.client.post("/api/w/main/schedules/create", json=body, headers=headers).raise_for_status()
    dialog = page.get_by_role("dialog")
    await opens(page, "members", "Members")
    await page.get_by_role("button", name="Disable moving").click()
    await dialog.get_by_label("New owner").select_option("admin")
    await dialog.get_by_role("button", name="Disable", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Arguments of the schedule contain references")
    await expect(dialog.get_by_label("Items that stop").get_by_role("listitem")).to_have_text(
        ["Schedule u/moving/reads"]
    )
    assert site.client.get("/api/w/main/users/get/moving").json()["disabled"] is False
    await dialog.get_by_label("Allow the schedules to read").check()
    await check(page)
    await dialog.get_by_role("button", name="Disable", exact=True).click()
    await expect(dialog).to_have_count(0)
    await expect(rows(page, "Members").filter(has_text="moving")).to_contain_text("Disabled")
    for name in ("often", "reads"):
        found = site.client.get(f"/api/w/main/schedules/get/u/moving/{name}").json()
        assert (found["enabled"], found["permissioned_as"]) == (True, "u/admin")
        site.client.delete(f"/api/w/main/schedules/delete/u/moving/{name}").raise_for_status()
    site.client.delete("/api/users/delete/moving@example.org").raise_for_status()


async def look(page: Page, name: str) -> None:
    """Store pictures of the page, wide and narrow, in the folder of ORVANTA_TEST_SHOTS if it is set."""
    if not (folder := os.environ.get("ORVANTA_TEST_SHOTS")):
        return
    for width, height in ((1440, 900), (390, 844), (1280, 800)):
        await page.set_viewport_size({"width": width, "height": height})
        await page.screenshot(path=f"{folder}/{name}-{width}.png")
