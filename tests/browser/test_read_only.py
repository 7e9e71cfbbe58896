"""Members whose role does not permit changes: pages show workflows and scripts, run them if allowed, offer no edit."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page, Route, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check
from tests.browser.test_editing import node
from tests.browser.test_settings import has_account, token_of

FOLDER = "displayed"
PATH = f"f/{FOLDER}/orders"
SOURCE = """summary: Orders
schema: {type: object, properties: {count: {type: integer, default: 2}}}
value:
  modules:
    - {id: take, value: {type: identity}}
    - {id: book, summary: Book it, value: {type: identity}}
"""


@pytest.fixture(scope="module")
def items(site: Site) -> None:
    """Deploy a workflow and a script that all members may read."""
    folder = {"name": FOLDER, "extra_perms": {"g/all": False}}
    site.client.post("/api/w/main/folders/create", json=folder).raise_for_status()
    site.deploy(PATH, SOURCE)
    script = {"path": f"f/{FOLDER}/price", "content": "def main():\n    return 7\n", "language": "python3"}
    site.client.post("/api/w/main/scripts/create", json={**script, "summary": "Price"}).raise_for_status()


async def log_in_as(page: Page, site: Site, name: str, role: str) -> None:
    """Replace the user of the page with a new member of main."""
    has_account(site, name, role)
    await page.context.clear_cookies()
    cookie = {"name": "token", "value": token_of(site, name), "url": site.base, "httpOnly": True}
    await page.context.add_cookies([cookie])  # type: ignore[list-item]


@pytest.mark.usefixtures("items")
async def test_operator_reads_and_runs_workflow_without_editing(page: Page, site: Site) -> None:
    await log_in_as(page, site, "olga", "operator")
    await page.goto(f"/w/main/workflows/{PATH}?panel=node&node=book")
    main = page.get_by_role("main")
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Book it")
    await expect(page.get_by_label("Name", exact=True)).to_be_disabled()
    await expect(main.get_by_role("status").filter(has_text="Read only")).to_be_visible()
    for name in ("Deploy", "Undo", "Add node", "Delete", "Duplicate", "Node library", "Test book", "Add trigger"):
        await expect(main.get_by_role("button", name=re.compile(f"^{name}"))).to_have_count(0)
    await page.get_by_role("tab", name="Output").click()
    await expect(main.get_by_role("button", name="Test book")).to_have_count(0)
    await node(page, "book").click()
    for key in ("Delete", "d", "n", "Control+d", "Control+x", "Control+Shift+s"):
        await page.keyboard.press(key)
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(node(page, "book")).to_be_visible()
    await page.keyboard.press("Control+k")
    await page.get_by_role("dialog").get_by_role("combobox").fill("deploy")
    await expect(page.get_by_role("option", name="Deploy")).to_have_count(0)
    await page.keyboard.press("Escape")
    await main.get_by_role("button", name="Run", exact=True).click()
    panel = page.get_by_role("complementary", name="Run")
    await expect(panel.get_by_role("button", name="Dry run")).to_have_count(0)
    await panel.get_by_role("button", name="Run", exact=True).click()
    await expect(panel.get_by_label("Test run").get_by_text("Succeeded").first).to_be_visible()
    for view, shown, button in (
        ("triggers", "No schedules", "New schedule"),
        ("tests", "No tests", "New test"),
        ("versions", "This is the first version.", "Restore as draft"),
    ):
        await page.goto(f"/w/main/workflows/{PATH}?view={view}")
        await expect(main.get_by_text(shown).first).to_be_visible()
        await expect(main.get_by_role("button", name=button)).to_have_count(0)


@pytest.mark.usefixtures("items")
async def test_viewer_is_offered_neither_changes_nor_runs(page: Page, site: Site) -> None:
    await log_in_as(page, site, "vera", "viewer")
    main = page.get_by_role("main")
    await page.goto(f"/w/main/workflows/{PATH}")
    run = main.get_by_role("button", name="Run", exact=True)
    await expect(run).to_be_disabled()
    await expect(run).to_have_attribute("title", "Your role does not permit starting runs.")
    await page.goto("/w/main/workflows")
    await expect(main.get_by_role("link", name="Orders")).to_be_visible()
    await expect(main.get_by_role("button", name="New workflow")).to_have_count(0)
    await main.get_by_role("button", name="Actions for Orders").click()
    await expect(page.get_by_role("button", name="Share")).to_be_visible()
    await expect(page.get_by_role("button", name=re.compile("Duplicate|Move|Archive"))).to_have_count(0)
    await page.goto(f"/w/main/scripts/f/{FOLDER}/price?tab=about")
    await expect(page.get_by_label("Name", exact=True)).to_be_disabled()
    await expect(main.get_by_role("button", name="Deploy")).to_have_count(0)
    code = main.get_by_role("textbox", name="Code")
    await code.press("x")
    await expect(code).to_contain_text("return 7")
    await expect(code).not_to_contain_text("x")
    for address, button in (("scripts", "New script"), ("settings/variables", "New variable")):
        await page.goto(f"/w/main/{address}")
        await expect(main.get_by_role("heading", level=1)).to_be_visible()
        await expect(main.get_by_role("button", name=button)).to_have_count(0)


SLOW_TIMERS = """const timeout = window.setTimeout;
window.setTimeout = (call, delay, ...given) => timeout(call, delay || 300, ...given);"""
"""The page learns of each answer a turn of the browser later, when some of its parts know the next one already."""


@pytest.mark.usefixtures("items")
async def test_role_that_arrives_beside_the_workflow_leaves_the_page_read_only(page: Page, site: Site) -> None:
    await log_in_as(page, site, "otto", "operator")
    await page.add_init_script(SLOW_TIMERS)
    workflow: asyncio.Future[None] = asyncio.Future()

    async def send_workflow(route: Route) -> None:
        await route.continue_()
        workflow.set_result(None)

    async def send_role(route: Route) -> None:
        await workflow
        await route.continue_()

    await page.route("**/api/w/main/flows/get/**", send_workflow)
    await page.route("**/api/w/main/users/whoami", send_role)
    await page.goto(f"/w/main/workflows/{PATH}?view=versions")
    main = page.get_by_role("main")
    await expect(main.get_by_text("This is the first version.").first).to_be_visible()
    await expect(main.get_by_role("button", name="Restore as draft")).to_have_count(0)


async def test_empty_lists_offer_an_operator_nothing_that_the_role_forbids(page: Page, site: Site) -> None:
    await log_in_as(page, site, "orla", "operator")
    site.client.post("/api/workspaces/create", json={"id": "unread", "name": "Unread"}).raise_for_status()
    member = {"email": "orla@example.org", "username": "orla", "is_admin": False, "operator": True}
    site.client.post("/api/w/unread/workspaces/add_user", json=member).raise_for_status()
    main = page.get_by_role("main")
    for address, title, offer in (
        ("workflows", "No workflows yet", "orvanta flow push"),
        ("scripts", "No scripts yet", "New script"),
    ):
        await page.goto(f"/w/unread/{address}")
        await expect(main.get_by_role("heading", name=title)).to_be_visible()
        await expect(main.get_by_text("Your role does not permit creating any.")).to_be_visible()
        await expect(main.get_by_text(offer)).to_have_count(0)


async def test_settings_of_admins_are_neither_linked_nor_shown_to_an_operator(page: Page, site: Site) -> None:
    """Without the role, an address shows no filters, exports or buttons, which the server would refuse."""
    await log_in_as(page, site, "olaf", "operator")
    await page.goto("/w/main/settings/members")
    links = page.get_by_role("navigation", name="Settings").get_by_role("link")
    await expect(links.filter(has_text="Members")).to_be_visible()
    for name in ("Audit trail", "Usage", "Service accounts", "Git"):
        await expect(links.filter(has_text=name)).to_have_count(0)
    main = page.get_by_role("main")
    for address in ("audit", "usage", "service-accounts", "tokens", "git"):
        await page.goto(f"/w/main/settings/{address}")
        await expect(main.get_by_role("heading", name="Not permitted")).to_be_visible()
        await expect(main.get_by_role("button")).to_have_count(0)
        await expect(main.get_by_role("link")).to_have_count(0)
    await page.goto("/w/main/settings/audit")
    await expect(main.get_by_role("heading", name="Not permitted")).to_be_visible()
    await check(page)
