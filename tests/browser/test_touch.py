"""Titles, which a pointer shows when it hovers, are shown by touch."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect
from tests.browser.conftest import Site
from tests.installation import Running

pytestmark = pytest.mark.extended


@pytest_asyncio.fixture(loop_scope="session")
async def phone(chromium: Browser, site: Site, installation: Running) -> AsyncIterator[Page]:
    """Yield a page of a logged-in user on a phone."""
    context = await chromium.new_context(
        base_url=site.base, viewport={"width": 390, "height": 844}, has_touch=True, reduced_motion="reduce"
    )
    cookie = {"name": "token", "value": installation.token, "url": installation.base, "httpOnly": True}
    await context.add_cookies([cookie])  # type: ignore[list-item]
    yield await context.new_page()
    await context.close()


async def press(page: Page, control: Locator) -> None:
    """Press a control until its title is shown, then release it."""
    box = await control.bounding_box()
    assert box
    session = await page.context.new_cdp_session(page)
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    await session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    await expect(page.get_by_role("tooltip")).to_be_visible()
    await session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


async def test_titles_are_shown_by_touch(phone: Page, site: Site) -> None:
    site.deploy("f/touched/one", "value: {modules: [{id: one, value: {type: identity}}]}")
    await phone.goto("/w/main/workflows")
    title, path = phone.get_by_role("tooltip"), phone.get_by_title("f/touched/one", exact=True).last
    # A tap on a text shows its title, the next touch hides it.
    await path.tap()
    await expect(title).to_have_text("f/touched/one")
    await phone.get_by_role("heading", level=1).tap()
    await expect(title).to_have_count(0)
    # A control is clicked by a tap, and shows its title while it is pressed.
    menu = phone.get_by_role("button", name="Menu", exact=True)
    await press(phone, menu)
    await expect(title).to_have_text("Menu")
    await expect(phone.get_by_role("dialog")).to_have_count(0)
    await menu.tap()
    await expect(title).to_have_count(0)
    await expect(phone.get_by_role("dialog")).to_be_visible()
