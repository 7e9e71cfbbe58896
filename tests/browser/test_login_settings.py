"""Settings of logins: addresses that other systems call, the break-glass account, and results in long dialogs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check
from tests.browser.test_german_pages import GERMAN
from tests.browser.test_instance_forms import look
from tests.browser.test_runs_list import GOOD
from tests.browser.test_settings import has_account, opens
from tests.installation import Running

pytestmark = pytest.mark.extended
WARNING = "You opened this page at {origin}, but the address of the server is {url}."


@pytest_asyncio.fixture(loop_scope="session")
async def other_name(chromium: Browser, installation: Running) -> AsyncIterator[Page]:
    """Yield a page with a logged-in user that reaches the server at another name than its base URL has."""
    base = installation.base.replace("127.0.0.1", "localhost")
    assert base != installation.base
    context = await chromium.new_context(base_url=base)
    try:
        cookie = {"name": "token", "value": installation.token, "url": base, "httpOnly": True}
        await context.add_cookies([cookie])  # type: ignore[list-item]
        yield await context.new_page()
    finally:
        await context.close()


@pytest.mark.parametrize(
    ("page_path", "label", "path"),
    [
        ("settings/sso", "Redirect URI", "/api/auth/oidc/callback/…"),
        ("settings/scim", "SCIM base URL", "/scim/v2"),
        ("workflows/f/address/hook?view=triggers", "URL", "/api/w/main/jobs/run/f/f/address/hook"),
    ],
)
async def test_address_for_other_systems_is_that_of_the_server(
    other_name: Page, site: Site, page_path: str, label: str, path: str
) -> None:
    """The base URL is shown even if the browser reaches the server at another one, with a warning."""
    if label == "URL":
        site.deploy("f/address/hook", GOOD)
    await other_name.goto(f"/w/main/{page_path}")
    if label == "Redirect URI":
        await other_name.get_by_role("button", name="New provider").click()
    await expect(other_name.locator(f"[data-command='{label}']")).to_have_text(f"{site.base}{path}")
    origin = site.base.replace("127.0.0.1", "localhost")
    await expect(other_name.get_by_text(WARNING.format(origin=origin, url=site.base)).first).to_be_visible()


async def test_same_address_has_no_warning(page: Page, site: Site) -> None:
    await opens(page, "scim", "SCIM")
    await expect(page.locator("[data-command='SCIM base URL']")).to_have_text(f"{site.base}/scim/v2")
    await expect(page.get_by_text("You opened this page at")).to_have_count(0)


async def test_errors_of_provider_are_explained_in_language_of_page(page: Page) -> None:
    """The message of the server, which is English, is the detail below a sentence in German."""
    await page.add_init_script(GERMAN)
    await page.goto("/w/main/settings/sso")
    dialog, alert = page.get_by_role("dialog"), page.get_by_role("dialog").get_by_role("alert")
    await page.get_by_role("button", name="Neuer Anbieter").click()
    await dialog.get_by_label("Name des Anbieters").fill("corp")
    await dialog.get_by_label("Bezeichnung").fill("Corp")
    await dialog.get_by_label("Client-ID").fill("orvanta")
    await dialog.get_by_label("Aussteller", exact=True).fill("http://id.example.org")
    await dialog.get_by_role("button", name="Erstellen").click()
    await expect(alert).to_have_text(
        "Der Server akzeptiert eine der Angaben nicht.\nMeldung des Servers: The issuer must be an https URL."
    )
    await dialog.get_by_label("Aussteller", exact=True).fill("https://missing.invalid")
    await dialog.get_by_role("button", name="Erstellen").click()
    await expect(alert).to_contain_text("Das Discovery-Dokument des Ausstellers ist nicht verwendbar. Niemand kann")
    await expect(alert).to_contain_text("Meldung des Servers: The discovery document of the issuer cannot be used")
    await expect(dialog.get_by_role("button", name="Trotzdem speichern")).to_be_visible()
    await check(page)


async def test_break_glass_account_is_confirmed(page: Page, site: Site) -> None:
    """The question names the accounts that are locked out, and that there is no provider."""
    has_account(site, "lockedout")
    accounts = site.client.get("/api/users/list_as_super_admin", params={"per_page": 1000}).json()
    people = [each for each in accounts if not (each["service_account"] or each["disabled"])]
    setting = "/api/settings/global/break_glass_account"
    await opens(page, "sso", "Single sign-on")
    await page.get_by_role("button", name="Edit Break-glass account").click()
    await page.get_by_label("E-mail address").fill("admin@example.org")
    await page.get_by_role("button", name="Save").click()
    question = page.get_by_role("dialog", name="Allow only admin@example.org to log in with a password?")
    number = len(people) - 1
    noun = "account" if number == 1 else "accounts"
    await expect(question).to_contain_text(f"{number} {noun} can no longer log in with a password.")
    await expect(question).to_contain_text("There is no provider.")
    await check(page)
    await question.get_by_role("button", name="Cancel").click()
    assert site.client.get(setting).json() is None
    try:
        await page.get_by_role("button", name="Save").click()
        await question.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Saved Break-glass account")).to_be_visible()
        assert site.client.get(setting).json() == "admin@example.org"
    finally:
        site.client.post(setting, json={"value": None}).raise_for_status()


async def test_password_login_for_all_accounts_is_confirmed(page: Page, site: Site) -> None:
    """Removing the break-glass account asks, by the form and by the default."""
    setting = "/api/settings/global/break_glass_account"
    question = page.get_by_role("dialog", name="Allow all accounts to log in with a password?")
    site.client.post(setting, json={"value": "admin@example.org"}).raise_for_status()
    try:
        await opens(page, "sso", "Single sign-on")
        await page.get_by_role("button", name="Edit Break-glass account").click()
        await page.get_by_label("E-mail address").fill("")
        await page.get_by_role("button", name="Save").click()
        await expect(question).to_contain_text("everybody whose account has a password can log in with it")
        await check(page)
        await look(page, "reopen")
        await question.get_by_role("button", name="Cancel").click()
        await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        await page.get_by_role("button", name="Use default of Break-glass account").click()
        await question.get_by_role("button", name="Cancel").click()
        assert site.client.get(setting).json() == "admin@example.org"
        await page.get_by_role("button", name="Use default of Break-glass account").click()
        await question.get_by_role("button", name="Allow").click()
        await expect(page.get_by_text("Break-glass account was reset to its default")).to_be_visible()
        assert site.client.get(setting).json() is None
    finally:
        site.client.post(setting, json={"value": None}).raise_for_status()


async def test_results_of_long_dialogs_are_in_view(page: Page, site: Site) -> None:
    """A missing field above the visible part, and the reply of a mail server below it, are scrolled into view."""
    await page.set_viewport_size({"width": 390, "height": 700})
    await page.goto("/w/main/settings/sso")
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="New provider").click()
    await dialog.get_by_label("Private networks of the provider").focus()
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_role("alert").first).to_be_in_viewport(ratio=1)
    await page.goto("/w/main/settings/instance")
    await page.get_by_role("button", name="Edit Mail server").click()
    await dialog.get_by_label("Mail server", exact=True).fill("127.0.0.1")
    await dialog.get_by_label("Sender").fill("orvanta@example.org")
    await dialog.get_by_role("button", name="Send test mail").click()
    await expect(dialog.get_by_text("is not a public address")).to_be_in_viewport(ratio=1)


async def test_warning_while_everybody_can_sign_up(page: Page) -> None:
    await page.goto("/w/main/settings/sso")
    await page.get_by_role("button", name="New provider").click()
    dialog = page.get_by_role("dialog")
    warning = dialog.get_by_text("Everybody with an account at the provider can create one here")
    await expect(warning).to_be_visible()
    await dialog.get_by_label("Domains of e-mail addresses").fill("example.org")
    await expect(warning).to_have_count(0)
    await dialog.get_by_label("Domains of e-mail addresses").fill("")
    await expect(warning).to_be_visible()
    await dialog.get_by_label("Create an account at the first login").uncheck()
    await expect(warning).to_have_count(0)
