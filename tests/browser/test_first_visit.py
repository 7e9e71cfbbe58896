"""First visit: login, list of workflows, search, opening a workflow."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import httpx
import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import EMAIL, PASSWORD, log_in
from tests.installation import Running


async def test_login_returns_to_requested_page(stranger: Page) -> None:
    await stranger.goto("/w/main/workflows/f/examples/order_receipt")
    await stranger.wait_for_url("**/login?then=*")
    await log_in(stranger)
    await expect(stranger.get_by_role("heading", name="Receipt of an order")).to_be_visible()
    assert stranger.url.endswith("/w/main/workflows/f/examples/order_receipt")


async def test_wrong_password_is_shown_in_form(stranger: Page) -> None:
    await stranger.goto("/login")
    await stranger.get_by_label("E-mail address").fill(EMAIL)
    await stranger.get_by_label("Password").fill(f"not {PASSWORD}")
    await stranger.get_by_role("button", name="Log in", exact=True).click()
    await expect(stranger.get_by_role("alert")).to_contain_text("password")
    assert stranger.url.endswith("/login")


async def test_providers_are_offered_and_failure_is_shown(stranger: Page, installation: Running) -> None:
    headers = {"Authorization": f"Bearer {installation.token}"}
    url = f"{installation.base}/api/settings/global/oidc_providers"
    config = {"label": "Corp", "issuer": "http://127.0.0.1:9", "client_id": "orvanta", "networks": ["127.0.0.0/8"]}
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:
        (await client.post(url, json={"value": {"corp": config}})).raise_for_status()
        try:
            button = stranger.get_by_role("button", name="Log in with Corp")
            await stranger.goto("/login")
            while not await button.is_visible():  # until the server has reloaded the setting
                await stranger.reload()
                await expect(stranger.get_by_label("Password")).to_be_visible()
                await stranger.wait_for_load_state("networkidle")
            await button.click()
            await expect(stranger.get_by_role("alert")).to_contain_text("Corp cannot be reached")
        finally:
            (await client.post(url, json={"value": None})).raise_for_status()


@pytest.mark.extended
async def test_login_does_not_redirect_to_another_site(stranger: Page, installation: Running) -> None:
    for then in ("https://example.org/", "//example.org/", "/\\example.org"):
        await stranger.goto(f"/login?{urlencode({'then': then})}")
        await log_in(stranger)
        # The first workspace, which another test may have created.
        await stranger.wait_for_url(re.compile(rf"^{re.escape(installation.base)}/w/[^/]+$"))
        # The home page sends requests until it is left.
        await stranger.goto("about:blank")
        await stranger.context.clear_cookies()


async def test_session_cookie_is_http_only(page: Page) -> None:
    await page.goto("/w/main")
    assert await page.evaluate("document.cookie") == ""


async def test_workflow_list_is_searched_sorted_and_navigated_by_keyboard(page: Page) -> None:
    await page.goto("/w/main")
    await page.get_by_role("link", name="All workflows").first.click()
    rows = page.get_by_role("main").get_by_role("listitem")
    await expect(rows.filter(has_text="f/examples/order_receipt")).to_have_count(1)
    await page.get_by_label("Sort by").select_option("path")
    await page.get_by_label("Search workflows").fill("receipt examples")
    # The folder has a row above its items.
    found = ["f/examples", "Receipt of an order"]
    await expect(rows).to_contain_text(found)
    await expect(rows).to_have_count(2)
    assert "q=receipt" in page.url and "sort=path" in page.url
    await page.reload()
    await expect(rows).to_contain_text(found)
    await page.get_by_label("Search workflows").fill("order examples")
    await expect(rows).to_have_count(3)
    await page.get_by_role("link", name="Processing of an order").focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("link", name="Receipt of an order")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Receipt of an order")).to_be_visible()


async def test_palette_and_shortcuts_open_on_every_page(page: Page) -> None:
    await page.goto("/w/main")
    await page.get_by_role("button", name="Search and commands").wait_for()
    await page.keyboard.press("Control+k")
    await page.get_by_placeholder("Pages, commands").fill("workers")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/w/main/workers")
    await page.keyboard.press("?")
    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(shortcuts.get_by_role("link", name="Shortcuts of the workflow editor")).to_be_visible()
    await shortcuts.get_by_role("button", name="Close").click()
    await page.get_by_role("button", name="Search and commands").click()
    await page.get_by_placeholder("Pages, commands").fill("usage")
    await expect(page.get_by_role("option")).to_have_text(["Usage", "Usage by workspace"])
    await page.get_by_placeholder("Pages, commands").fill("receipt")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/workflows/f/examples/order_receipt")
    # The editor has its own palette.
    await expect(page.get_by_role("button", name="No problems")).to_be_visible()
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("dialog")).to_have_count(1)
    await expect(page.get_by_placeholder("Search commands, nodes")).to_be_focused()


async def test_search_without_matches_shows_message(page: Page) -> None:
    await page.goto("/w/main/workflows")
    await page.get_by_label("Search workflows").fill("no such thing")
    await expect(page.get_by_role("heading", name="No matches")).to_be_visible()
    await page.get_by_role("button", name="Clear filters").click()
    await expect(page.get_by_label("Search workflows")).to_have_value("")
    await expect(page.get_by_role("link", name="Receipt of an order")).to_be_visible()


async def test_missing_page_shows_not_found(page: Page) -> None:
    await page.goto("/w/main/workflows/f/examples/nothing")
    await expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    none = "01a23920-0000-7232-86eb-3cfb8b4f24fc"
    environments = ("dev", "releases/900", "dev/requests/900")
    for address in (f"runs/{none}", *(f"environments/{each}" for each in environments)):
        await page.goto(f"/w/main/{address}")
        await expect(page.get_by_role("heading", name="Not found")).to_be_visible()
        area = address.split("/")[0]
        await expect(page.get_by_role("main").get_by_role("link", name=f"All {area}")).to_have_attribute(
            "href", f"/w/main/{area}"
        )
    pages = page.get_by_role("navigation", name="Pages")
    for address in ("/no/such/page", "/w/main/no/such/page"):
        await page.goto(address)
        await expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
        await expect(pages.get_by_role("link", name="Workflows")).to_have_attribute("href", "/w/main/workflows")
    await page.goto("/w/nowhere/workflows")
    await expect(page.get_by_role("heading", name="Workspace nowhere not found")).to_be_visible()
    await expect(page.get_by_label("Workspace", exact=True)).to_have_count(0)
    await page.get_by_role("link", name="Open workspace main").click()
    await expect(page.get_by_role("heading", name="Home")).to_be_visible()


async def test_graph_shows_nodes_and_edges(page: Page) -> None:
    await page.goto("/w/main/workflows/f/examples/order_processing")
    for name in ("price", "enrich", "report", "invoice"):
        await expect(page.locator(f'.react-flow__node[data-id="{name}"]')).to_be_visible()
    await expect(page.locator(".react-flow__edge")).to_have_count(4)


async def test_logging_out_ends_the_session(page: Page) -> None:
    await page.goto("/w/main/workflows/f/examples/order_processing")
    await expect(page.locator('.react-flow__node[data-id="price"]')).to_be_visible()
    opened = "Object.keys(localStorage).filter((key) => key.startsWith('orvanta.recent'))"
    assert await page.evaluate(opened) == ["orvanta.recent.main"]
    await page.get_by_role("button", name="Account").click()
    await page.get_by_role("button", name="Log out").click()
    await page.wait_for_url("**/login")
    assert await page.evaluate(opened) == []
    await page.goto("/w/main")
    await page.wait_for_url("**/login?then=*")
