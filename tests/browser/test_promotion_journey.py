"""Promotion from development over staging to production on the pages, by an author, two approvers and an admin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from tests.browser.conftest import PATIENCE_MS, Site
from tests.browser.test_scripts import code_of, deploy
from tests.promotion_pipeline import FILES, RESOURCE, RULES, TEST, TESTS, Instance

pytestmark = pytest.mark.extended

DEV, STAGING, PROD = "page-dev", "page-staging", "page-prod"
FAILING = {**FILES, TESTS: TEST.replace("equals: 21", "equals: 22")}


class People:
    """Pages of the people, each with its own login."""

    def __init__(self, chromium: Browser, instance: Instance) -> None:
        self._chromium = chromium
        self._instance = instance
        self._pages: dict[str, Page] = {}

    async def goto(self, who: str, path: str) -> Page:
        """Return the page of somebody, at an address."""
        if who not in self._pages:
            base = self._instance.base
            context = await self._chromium.new_context(base_url=base, reduced_motion="reduce")
            context.set_default_timeout(PATIENCE_MS)
            await context.add_cookies(
                [{"name": "token", "value": self._instance.tokens[who], "url": base, "httpOnly": True}]
            )
            self._pages[who] = await context.new_page()
        await self._pages[who].goto(path)
        return self._pages[who]

    async def close(self) -> None:
        for each in self._pages.values():
            await each.context.close()


@pytest.fixture
def instance(site: Site) -> Iterator[Instance]:
    """The instance with the pipeline, whose environments are deleted at the end."""
    made = Instance(site.base, site.client, "page")
    made.tokens["admin"] = site.client.headers["Authorization"].removeprefix("Bearer ")
    made.prepare("dev", "staging", "prod")
    made.push("ines", "dev", FAILING)
    made.create_resource("prod")
    for workspace, rules in ((STAGING, {"workflow_tests": "pass"}), (PROD, RULES)):
        made.post("/api/environments/create", {"name": workspace, "workspace": workspace, "rules": rules})
    yield made
    for name in (STAGING, PROD):
        assert site.client.delete(f"/api/environments/delete/{name}").is_success


@pytest_asyncio.fixture(loop_scope="session")
async def people(chromium: Browser, instance: Instance) -> AsyncIterator[People]:
    made = People(chromium, instance)
    yield made
    await made.close()


async def test_workflow_is_promoted_on_the_pages(people: People, instance: Instance) -> None:
    await create_release(people, 1)
    staging = await request(people, 1, STAGING)
    await create_missing_resource(people, staging)
    await correct_failing_test(people, staging)
    assert code_in(instance, "prod") is None
    await two_of_three_approve(people, await request(people, 1, PROD))
    assert code_in(instance, "prod") == FILES["f/shop/total.sh"]
    await change_script(people, "jonas", PROD, 'echo "0"\n')
    await change_script(people, "ines", DEV, 'echo "2"\n')
    await create_release(people, 2)
    await apply(people, "ines", await request(people, 2, STAGING), STAGING)
    await overwrite_conflict_in_frozen_hours(people, await request(people, 2, PROD))
    assert code_in(instance, "prod") == 'echo "2"\n'
    await roll_back(people)
    assert code_in(instance, "prod") == FILES["f/shop/total.sh"]
    await lift_hold(people)
    assert {name: instance.operations(name, "deployments.") for name in ("staging", "prod")} == {
        "staging": ["request", "renew", "apply", "request", "apply"],
        "prod": [
            *("request", "decide", "decide", "apply"),
            *("request", "renew", "decide", "decide", "bypass", "apply"),
            *("request", "hold", "decide", "decide", "apply", "request", "lift_hold"),
        ],
    }
    for name in ("dev", "staging", "prod"):
        instance.await_links(name)
    await verify_audit(people)


def code_in(instance: Instance, name: str) -> str | None:
    """Return the code of the script in a workspace, None if it does not exist."""
    found = instance.call("ines", f"/api/w/{instance.workspace(name)}/scripts/get/p/f/shop/total")
    code: str | None = found.get("content")
    return code


async def create_release(people: People, number: int) -> None:
    page = await people.goto("ines", f"/w/{DEV}/environments")
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="New release").click()
    for item in ("Schedule f/shop/daily", "HTTP trigger f/shop/hook"):
        await dialog.get_by_label(item).check()
    await dialog.get_by_role("button", name="Create release").click()
    await page.get_by_role("heading", name=f"Release {number} of {DEV}").wait_for()
    await expect(page.get_by_role("list", name="Items").get_by_role("listitem")).to_have_count(5)


async def request(people: People, number: int, environment: str) -> str:
    """Request a deployment as Ines; return the address of the page of the request."""
    page = await people.goto("ines", f"/w/{DEV}/environments/releases/{number}")
    await page.get_by_role("combobox", name="Deploy to").select_option(environment)
    await page.get_by_role("button", name="Request deployment").click()
    await page.get_by_role("heading", name=f"release {number} to {environment}").wait_for()
    return page.url


async def create_missing_resource(people: People, url: str) -> None:
    """Follow the link of the missing resource, and create it there."""
    page = await people.goto("ines", url)
    blocked = page.get_by_role("list", name="Prevents the deployment")
    await expect(blocked).to_contain_text(f"The resource f/shop/store does not exist in {STAGING}")
    await expect(page.get_by_role("button", name="Apply")).to_be_disabled()
    await blocked.get_by_role("link", name="Create f/shop/store").click()
    dialog = page.get_by_role("dialog", name="New resource")
    await expect(dialog.get_by_role("combobox", name="Folder")).to_have_value("f/shop")
    await expect(dialog.get_by_label("Id", exact=True)).to_have_value("store")
    await dialog.get_by_role("combobox", name="Type").select_option(RESOURCE["resource_type"])
    await dialog.get_by_label("token").fill("of staging")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog).to_have_count(0)
    await page.goto(url)
    await expect(page.get_by_role("list", name="Rules not fulfilled yet")).to_be_visible()
    await expect(blocked).to_have_count(0)


async def correct_failing_test(people: People, url: str) -> None:
    """Follow the link of the failing test, correct it, renew the plan and apply it."""
    page = await people.goto("ines", url)
    unfulfilled = page.get_by_role("list", name="Rules not fulfilled yet")
    await expect(unfulfilled).to_contain_text("The test totals of the workflow f/shop/orders fails.")
    await expect(page.get_by_role("button", name="Apply")).to_be_disabled()
    await unfulfilled.get_by_role("link", name="Open f/shop/orders").click()
    await page.get_by_role("button", name="Edit test totals").click()
    dialog = page.get_by_role("dialog", name="Edit test totals")
    await dialog.get_by_label("Test as YAML").fill(TEST)
    await dialog.get_by_role("button", name="Save").click()
    tests = page.get_by_role("region", name="Tests", exact=True)
    await expect(tests.get_by_role("status")).to_have_text("1 test passed, 0 failed")
    await page.goto(url)
    changed = page.get_by_text("a required test has changed since this plan was created")
    await expect(changed).to_be_visible()
    await page.get_by_role("button", name="Renew plan").click()
    await expect(changed).to_have_count(0)  # a new page would cancel the request
    await apply(people, "ines", url, STAGING)


async def apply(people: People, who: str, url: str, environment: str) -> None:
    page = await people.goto(who, url)
    await page.get_by_text("Ready to apply").wait_for()
    await page.get_by_role("button", name="Apply").click()
    await page.get_by_role("dialog").get_by_role("button", name=f"Apply to {environment}").click()
    await expect(page.get_by_text("Applied", exact=True)).to_be_visible()


async def approve(people: People, who: str, url: str) -> Page:
    page = await people.goto(who, url)
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("list", name="Approvals and comments")).to_contain_text(f"{who} approved")
    return page


async def two_of_three_approve(people: People, url: str) -> None:
    """The author cannot approve, nor is one of the others enough."""
    page = await people.goto("ines", url)
    unfulfilled = page.get_by_role("list", name="Rules not fulfilled yet")
    await expect(unfulfilled).to_contain_text("The request has 0 of 2 approvals.")
    await expect(page.get_by_role("button", name="Approve")).to_be_disabled()
    page = await approve(people, "jonas", url)
    unfulfilled = page.get_by_role("list", name="Rules not fulfilled yet")
    await expect(unfulfilled).to_contain_text("The request has 1 of 2 approvals.")
    await expect(page.get_by_role("button", name="Apply")).to_be_disabled()
    await approve(people, "kira", url)
    await apply(people, "jonas", url, PROD)


async def change_script(people: People, who: str, workspace: str, code: str) -> None:
    page = await people.goto(who, f"/w/{workspace}/scripts/f/shop/total")
    await code_of(page, code)
    await deploy(page, "Changed")


async def overwrite_conflict_in_frozen_hours(people: People, url: str) -> None:
    """The change in production is drift and a conflict; frozen hours are bypassed by the named member only."""
    page = await people.goto("ines", url)
    await expect(page.get_by_role("list", name="Changed outside of releases")).to_contain_text("f/shop/total")
    blocked = page.get_by_role("list", name="Prevents the deployment")
    await expect(blocked).to_contain_text("The script f/shop/total is in conflict")
    await expect(page.get_by_role("button", name="Apply")).to_be_disabled()
    await page.get_by_role("button", name="Overwrite changed items").click()
    await expect(blocked).to_have_count(0)
    for who in ("jonas", "kira"):
        await approve(people, who, url)
    await freeze(people)
    page = await people.goto("kira", url)
    await expect(page.get_by_role("list", name="Rules not fulfilled yet")).to_contain_text("in its frozen hours")
    await expect(page.get_by_role("button", name="Apply")).to_be_disabled()
    await expect(page.get_by_label("Comment", exact=True)).to_be_visible()
    await expect(page.get_by_label("Reason for bypassing the rules")).to_have_count(0)
    page = await people.goto("jonas", url)
    await bypass(page)
    await expect(page.get_by_text("Applied", exact=True)).to_be_visible()
    page = await people.goto("jonas", f"/w/{PROD}/environments/{PROD}")
    await expect(page.get_by_role("list", name="History")).to_contain_text(
        "Rules bypassed: frozen hours. Reason: Incident 7"
    )
    await expect(page.get_by_text("No drift")).to_be_visible()


async def freeze(people: People) -> None:
    """Add frozen hours on all days, as an admin."""
    page = await people.goto("admin", f"/w/{PROD}/environments/{PROD}")
    await page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Add frozen hours").click()
    hours = dialog.get_by_role("group", name="Hours in which nothing is applied")
    for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"):
        await hours.get_by_label(day).check()
    await hours.get_by_label("From").fill("00:00")
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("00:00 to 24:00")).to_be_visible()


async def bypass(page: Page) -> None:
    """Apply a request with a reason for which the rules are bypassed."""
    await page.get_by_label("Reason for bypassing the rules").fill("Incident 7")
    await page.get_by_role("button", name="Apply").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Rules bypassed: frozen hours. Reason: Incident 7")
    await dialog.get_by_role("button", name=f"Apply to {PROD}").click()


async def roll_back(people: People) -> None:
    """Deploy the first release again, with approvals, after the frozen hours were removed."""
    page = await people.goto("admin", f"/w/{PROD}/environments/{PROD}")
    await page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Remove these hours").click()
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("00:00 to 24:00")).to_have_count(0)
    page = await people.goto("ines", f"/w/{PROD}/environments/{PROD}")
    await page.get_by_role("button", name="Roll back to release 1").click()
    dialog = page.get_by_role("dialog", name="Roll back to release 1")
    await dialog.get_by_label("Reason").fill("Wrong totals")
    await dialog.get_by_role("button", name="Rollback").click()
    await page.get_by_role("heading", name=f"rollback of {PROD} to release 1").wait_for()
    url = page.url
    for who in ("jonas", "kira"):
        await approve(people, who, url)
    await apply(people, "jonas", url, PROD)


async def lift_hold(people: People) -> None:
    """The second release cannot be promoted again until the hold is lifted."""
    url = await request(people, 2, PROD)
    page = await people.goto("ines", url)
    unfulfilled = page.get_by_role("list", name="Rules not fulfilled yet")
    await expect(unfulfilled).to_contain_text(f"ines put promotions to {PROD} on hold: Wrong totals")
    page = await people.goto("jonas", f"/w/{PROD}/environments/{PROD}")
    await expect(page.get_by_role("status").filter(has_text="On hold")).to_contain_text("Wrong totals")
    await page.get_by_role("button", name="Lift hold").click()
    await expect(page.get_by_text("Promotions are permitted again")).to_be_visible()
    page = await people.goto("ines", url)
    unfulfilled = page.get_by_role("list", name="Rules not fulfilled yet")
    await expect(unfulfilled).to_contain_text("The request has 0 of 2 approvals.")
    await expect(unfulfilled).not_to_contain_text("on hold")


async def verify_audit(people: People) -> None:
    """Find the bypass on the page of the audit trail, and verify its chain."""
    page = await people.goto("admin", f"/w/{PROD}/settings/audit?operation=deployments.bypass")
    await expect(page.get_by_role("list", name="Audit trail", exact=True)).to_contain_text("jonas")
    await page.get_by_role("button", name="Verify").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Verify").click()
    await expect(dialog.get_by_role("status")).to_contain_text("verified")
