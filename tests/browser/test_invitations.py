"""People who join a workspace: mails and one-time links, which the pages do not lose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiosmtpd.smtp import SMTP
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_settings import opens, rows
from tests.http.test_notices import Mailbox
from tests.polling import POLL_S


@asynccontextmanager
async def mail_server(site: Site) -> AsyncIterator[Mailbox]:
    """Run a mail server, to which the installation sends its mails."""
    box, setting = Mailbox(), "/api/settings/global/smtp"
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        value = {"host": "127.0.0.1", "port": port, "sender": "orvanta@example.org", "tls": "none"}
        body = {"value": {**value, "networks": ["127.0.0.0/8"]}}
        (await asyncio.to_thread(site.client.post, setting, json=body)).raise_for_status()
        try:
            # The server uses a changed setting within a second.
            probe = "probe@example.org"
            await asyncio.to_thread(site.client.post, "/api/users/create", json={"email": probe})
            while True:
                answer = await asyncio.to_thread(site.client.post, f"/api/users/reset_password/{probe}")
                if answer.text == f"Sent a link to {probe}.":
                    break
                await asyncio.sleep(POLL_S)
            box.mails.clear()
            yield box
        finally:
            (await asyncio.to_thread(site.client.post, setting, json={"value": None})).raise_for_status()
            for each in site.client.get("/api/w/main/workspaces/list_pending_invites").json():
                site.client.post("/api/w/main/workspaces/delete_invite", json={"email": each["email"]})


async def create_member(page: Page, email: str) -> None:
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Add member").click()
    await dialog.get_by_label("How to add").select_option("Create an account")
    await dialog.get_by_label("E-mail address").fill(email)


@pytest.mark.extended
async def test_link_is_mailed_and_invitation_names_its_mail(page: Page, site: Site) -> None:
    dialog = page.get_by_role("dialog")
    async with mail_server(site) as box:
        await opens(page, "members", "Members")
        await create_member(page, "mailed@example.org")
        await dialog.get_by_role("button", name="Add", exact=True).click()
        await expect(page.get_by_text("A one-time link was sent to mailed@example.org")).to_be_visible()
        await expect(dialog).to_have_count(0)
        await expect(page.get_by_label("Role of mailed")).to_have_value("developer")
        await page.get_by_role("button", name="Add member").click()
        await dialog.get_by_label("E-mail address").fill("guest@example.net")
        await dialog.get_by_role("button", name="Invite").click()
        # The address has no account: no mail is sent, and the next step is offered with the address.
        await expect(dialog.get_by_text("No mail was sent, because the person could not log in.")).to_be_visible()
        await dialog.get_by_role("button", name="Create an account").click()
        await expect(dialog.get_by_label("How to add")).to_have_value("create")
        await expect(dialog.get_by_label("E-mail address")).to_have_value("guest@example.net")
        assert [mail["To"] for mail in box.mails] == ["mailed@example.org"]
        await dialog.get_by_role("button", name="Add", exact=True).click()
        await expect(page.get_by_text("A one-time link was sent to guest@example.net")).to_be_visible()
        await expect(dialog).to_have_count(0)
        assert [mail["To"] for mail in box.mails] == ["mailed@example.org", "guest@example.net"]


@pytest.mark.extended
async def test_link_is_shown_although_account_does_not_become_a_member(page: Page, site: Site) -> None:
    """The account exists then: the next attempt adds it to the workspace."""
    dialog = page.get_by_role("dialog")
    site.client.post("/api/workspaces/create", json={"id": "paused"}).raise_for_status()
    await page.goto("/w/paused/settings/members")
    await create_member(page, "linked@example.org")
    site.client.post("/api/w/paused/workspaces/archive").raise_for_status()
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await expect(dialog.locator("[data-command='One-time link']")).to_contain_text(site.base)
    await expect(dialog.get_by_role("alert")).to_contain_text("The workspace paused is archived.")
    await dialog.get_by_role("button", name="Done").click()
    site.client.post("/api/w/paused/workspaces/unarchive").raise_for_status()
    await expect(dialog.get_by_label("How to add")).to_have_value("add")
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await expect(rows(page, "Members").filter(has_text="linked@example.org")).to_have_count(1)
    await expect(dialog).to_have_count(0)


async def test_account_without_workspace_sees_its_invitation_and_joins(stranger: Page, site: Site) -> None:
    email, password = "alone@example.org", "correct horse battery"
    site.client.post("/api/users/create", json={"email": email, "password": password}).raise_for_status()
    await stranger.goto("/")
    await stranger.get_by_label("E-mail address").fill(email)
    await stranger.get_by_label("Password").fill(password)
    await stranger.get_by_role("button", name="Log in", exact=True).click()
    await expect(stranger.get_by_text("You are not a member of a workspace yet")).to_be_visible()
    await expect(stranger.get_by_role("button", name="Change password")).to_be_visible()
    await expect(stranger.get_by_text("Something went wrong")).to_have_count(0)
    body = {"email": email, "role": "viewer"}
    site.client.post("/api/w/main/workspaces/invite_user", json=body).raise_for_status()
    # The address in earlier mails.
    await stranger.goto("/w/main/settings/profile")
    await stranger.get_by_role("link", name="Invitations and password").click()
    await stranger.get_by_role("button", name="Join").click()
    await stranger.wait_for_url("**/w/main")
    await expect(stranger.get_by_label("Workspace", exact=True)).to_have_value("main")
