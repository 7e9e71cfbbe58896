"""Navigation of the pages: the rail of wide windows, the menu of narrow ones, the link to the content."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import Page, Route, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import LIST
from tests.browser.test_runs_list import ASKS, BAD, start

FLOW = "f/navigation/edited"


async def test_rail_marks_page_skips_to_content_and_remembers_its_width(page: Page, site: Site) -> None:
    await page.goto("/w/main")
    site.deploy(FLOW, LIST)
    pages = page.get_by_role("navigation", name="Pages")
    current = pages.locator("[aria-current=page]")
    await expect(current).to_have_text("Home")
    await page.get_by_role("link", name="Skip to content").wait_for(state="attached")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#content")).to_be_focused()
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.closest('main') !== null")
    groups = {
        "Build": ["Workflows", "Scripts"],
        "Run": ["Runs", "Approvals", "Schedules"],
        "Operate": ["Workers", "Environments", "Settings"],
    }
    for group, names in groups.items():
        links = pages.get_by_role("list", name=group).get_by_role("link")
        await expect(links).to_contain_text(names)
    await pages.get_by_role("link", name="Schedules").click()
    await expect(current).to_have_text("Schedules")
    # The workflow editor collapses the rail by default; its state is stored separately from that of other pages.
    await page.get_by_role("button", name="Collapse navigation").wait_for()
    await page.goto(f"/w/main/workflows/{FLOW}")
    await page.get_by_role("button", name="Expand navigation").click()
    await page.goto("/w/main/workers")
    await page.get_by_role("button", name="Collapse navigation").click()
    await expect(pages.get_by_role("link", name="Workers")).to_have_attribute("title", "Workers")
    # The initial of the workspace, whose name is the tooltip.
    await expect(page.get_by_title("main", exact=True).locator("> span").first).to_have_text("M")
    await page.reload()
    await page.get_by_role("button", name="Expand navigation").wait_for()
    await page.goto(f"/w/main/workflows/{FLOW}")
    await page.get_by_role("button", name="Collapse navigation").wait_for()


async def test_badges_count_failures_and_approvals_of_the_user(page: Page, site: Site) -> None:
    site.deploy("f/navigation/bad", BAD)
    site.deploy("f/navigation/asks", ASKS)
    start(site, "f/navigation/bad", wait=True)
    waiting = start(site, "f/navigation/asks")
    await page.goto("/w/main/workers")
    pages = page.get_by_role("navigation", name="Pages")
    await expect(
        pages.get_by_role("link", name=re.compile(r"Runs.*\d items? failed in the last 24 hours"))
    ).to_be_visible()
    await expect(pages.get_by_role("link", name=re.compile(r"Approvals.*\d approvals? awaits? you"))).to_be_visible()
    site.client.post(f"/api/w/main/jobs_u/queue/cancel/{waiting}", json={}).raise_for_status()


async def test_phone_has_a_menu_of_pages_help_and_account(page: Page) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    # The content does not move when the bar above it is loaded.
    held: asyncio.Future[Route] = asyncio.get_running_loop().create_future()
    await page.route("**/phone-bar-*.js", lambda route: held.set_result(route))
    await page.goto("/w/main/workers")
    content = page.locator("#content")
    await content.wait_for()
    before = await content.bounding_box()
    await (await held).continue_()
    await page.get_by_role("button", name="Menu").wait_for()
    assert await content.bounding_box() == before
    await page.get_by_role("button", name="Menu").click()
    menu = page.get_by_role("dialog", name="Menu")
    await expect(menu.get_by_role("link", name="Workers")).to_have_attribute("aria-current", "page")
    await expect(menu.get_by_role("link", name="Documentation")).to_be_visible()
    await menu.get_by_role("link", name="Schedules").click()
    await page.wait_for_url("**/w/main/schedules")
    await expect(menu).to_have_count(0)
    await page.get_by_role("button", name="Menu").click()
    await menu.get_by_role("button", name="Keyboard shortcuts").click()
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Account").click()
    await expect(page.get_by_role("button", name="Log out")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Log out")).to_have_count(0)
    await page.unroute("**/phone-bar-*.js")
    # The navigation of the settings scrolls to the current link, also when the account is loaded and adds links.
    asked: asyncio.Future[Route] = asyncio.get_running_loop().create_future()
    await page.route("**/api/w/main/users/whoami", lambda route: asked.set_result(route), times=1)
    await page.goto("/w/main/settings/instance")
    settings = page.get_by_role("navigation", name="Settings")
    here = settings.get_by_role("link", name="Instance settings", exact=True)
    await expect(here).to_be_in_viewport(ratio=0.99)
    await (await asked).continue_()
    await expect(settings.get_by_role("link", name="Service accounts", exact=True)).to_be_attached()
    await expect(here).to_be_in_viewport(ratio=0.99)


async def test_group_of_controls_is_one_stop_with_arrow_keys(page: Page, site: Site) -> None:
    site.deploy("f/navigation/tools", LIST)
    await page.goto("/w/main/workflows/f/navigation/tools")
    tools = page.get_by_role("toolbar", name="Tools")
    add = tools.get_by_role("button", name="Add a node")
    problems = tools.get_by_role("button", name="No problems")
    await problems.wait_for()
    await expect(tools.locator("[tabindex='0']")).to_have_count(1)
    # Undo and redo are disabled.
    await expect(add).to_have_attribute("tabindex", "0")
    await add.focus()
    await page.keyboard.press("ArrowLeft")
    await expect(problems).to_be_focused()
    await page.keyboard.press("Home")
    await expect(add).to_be_focused()
    await page.keyboard.press("End")
    # The stop of a group is the control that had the focus last.
    await page.keyboard.press("Tab")
    await expect(problems).not_to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await expect(problems).to_be_focused()
    views = page.get_by_role("navigation", name="Workflow views")
    await views.get_by_role("link", name="Graph").focus()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("view=runs"))
    await expect(views.get_by_role("link", name="Runs")).to_be_focused()
    await page.goto("/w/main/settings/members")
    await expect(page.get_by_role("navigation", name="Settings").locator("[tabindex='0']")).to_have_text("Members")
