"""Deployment of a release from development to production: created, requested, approved by another user, applied."""

from __future__ import annotations

import os
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect
from tests.browser.conftest import PATIENCE_MS, Site
from tests.browser.test_accessibility import check

pytestmark = pytest.mark.extended

DEV, PROD = "/api/w/shop-dev", "/api/w/shop-prod"
APPROVER = {"email": "cleo@example.org", "password": "correct horse", "name": "Cleo"}
FLOW = """\
summary: Orders
value:
  modules:
    - {id: a, value: {type: script, path: f/shop/step, input_transforms: {}}}
    - id: b
      value: {type: identity, input_transforms: {of: {type: static, value: "$var:f/shop/region"}}}
"""


def post(site: Site, path: str, body: Any) -> None:
    answer = site.client.post(path, json=body)
    assert answer.is_success, (path, answer.text)


def prepare(site: Site) -> str:
    """Create two workspaces, an environment and a workflow in the first, and an approver; return their token."""
    post(site, "/api/users/create", {**APPROVER, "username": "cleo"})
    for workspace in ("shop-dev", "shop-prod"):
        post(site, "/api/workspaces/create", {"id": workspace, "name": workspace})
        post(
            site,
            f"/api/w/{workspace}/workspaces/add_user",
            {
                "email": APPROVER["email"],
                "username": "cleo",
                "is_admin": False,
                "operator": False,
            },
        )
        post(site, f"/api/w/{workspace}/folders/create", {"name": "shop", "owners": ["g/all"]})
    post(site, "/api/environments/create", {"name": "dev", "workspace": "shop-dev", "color": "#2f7d4f"})
    code = {"path": "f/shop/step", "content": "echo 1", "language": "bash", "summary": ""}
    post(site, f"{DEV}/scripts/create", code)
    post(site, f"{DEV}/variables/create", {"path": "f/shop/region", "value": "dev"})
    post(site, f"{DEV}/flows/create", {"path": "f/shop/orders", "source": {"format": "yaml", "text": FLOW}})
    return token_of(site, APPROVER)


def token_of(site: Site, account: dict[str, str]) -> str:
    """Log in, and return the token of the session."""
    login = {name: account[name] for name in ("email", "password")}
    return httpx.post(f"{site.base}/api/auth/login", json=login, timeout=60).text


async def test_release_goes_from_development_to_production(page: Page, site: Site, chromium: Browser) -> None:
    token = prepare(site)
    await page.goto("/w/shop-dev/environments")
    columns = page.get_by_role("list", name="Environments", exact=True).get_by_role("listitem")
    await create_production(page)
    await expect(columns).to_contain_text(["dev", "prod"])
    await edit_production(page, site)
    await expect(columns.last).to_contain_text("Nothing deployed yet")
    await create_release(page)
    await request_deployment(page)
    await create_missing_variable(page, site)
    await expect(page.get_by_role("button", name="Approve")).to_be_disabled()
    await approve(chromium, site, token, page.url)
    await page.reload()
    await page.get_by_text("Ready to apply").wait_for()
    await apply_deployment(page, site)
    deployment = page.url
    assert site.client.get(f"{PROD}/flows/get/f/shop/orders").json()["summary"] == "Orders"
    await page.goto("/w/shop-prod/environments/prod")
    compared = page.get_by_role("region", name="Compared with dev")
    await expect(compared).to_contain_text("Release 1 of shop-dev is deployed here too.")
    await compare(page, site)
    await change_outside_of_releases(page, site, deployment)
    await compare_with_development(page, site)
    await promote_automatically(page, site)
    await check_narrow_pages(page)
    await page.set_viewport_size({"width": 1280, "height": 800})
    await release_removal(page, site)
    await delete_production(page, site)


async def test_failed_checks_are_shown_with_the_rollback(page: Page, site: Site) -> None:
    """The checks are set on the page; the smoke run fails, and the previous release is deployed again."""
    live = "/api/w/checked-live"
    for workspace in ("checked-dev", "checked-live"):
        post(site, "/api/workspaces/create", {"id": workspace, "name": workspace})
        post(site, f"/api/w/{workspace}/folders/create", {"name": "shop"})
    fails = "type: rawscript, language: bash, content: exit 1"
    create_flow(site, live, "f/shop/smoke", "Smoke", fails)
    post(site, "/api/environments/create", {"name": "checked", "workspace": "checked-live"})
    deploy(site, "One")
    await page.goto("/w/checked-live/environments/checked")
    await page.get_by_role("button", name="Edit").click()
    await set_checks(page)
    await expect(page.get_by_text("f/shop/smoke must succeed after each promotion")).to_be_visible()
    request = deploy(site, "Two")
    await page.goto(f"/w/checked-live/environments/checked/requests/{request}")
    checks = page.get_by_role("region", name="Checks after a deployment")
    await expect(checks).to_contain_text("The previous release was deployed again, with the permissions of u/admin")
    await expect(checks.get_by_role("list")).to_contain_text(["Smoke run of f/shop/smoke"])
    await expect(checks.get_by_role("link", name="Open run")).to_be_visible()
    await check(page)
    await checks.get_by_role("link", name="Request").click()
    await page.get_by_role("heading", name="rollback of checked to release 1").wait_for()
    await page.goto("/w/checked-live/environments/checked")
    await expect(page.get_by_role("status").filter(has_text="On hold")).to_contain_text("Checks failed")
    history = page.get_by_role("list", name="History").get_by_role("listitem")
    await expect(history).to_have_count(3)
    await expect(history.nth(0)).to_contain_text("Rolled back automatically: The checks of release 2")
    await expect(history.nth(1)).to_contain_text("Checks failed: The workflow f/shop/smoke failed.")
    await expect(page.get_by_role("region", name="Current release")).to_contain_text("Release 1 of checked-dev")
    await check(page)
    if folder := os.environ.get("ORVANTA_TEST_SHOTS"):
        await page.screenshot(path=f"{folder}/checks.png", full_page=True)
    assert site.client.get(f"{live}/flows/get/f/shop/orders").json()["summary"] == "One"
    await page.get_by_role("button", name="Lift hold").click()
    await expect(page.get_by_text("Promotions are permitted again")).to_be_visible()
    await page.get_by_label("Only those that wait for my approval").check()
    await expect(page.get_by_text("No open requests")).to_be_visible()
    assert site.client.delete("/api/environments/delete/checked").is_success


async def test_everything_beyond_a_page_is_reached(page: Page, site: Site) -> None:
    """With more than 30 schedules, requests, releases and deployments, none is missing."""
    prepare_many(site)
    await page.goto("/w/many-dev/environments")
    await expect(page.get_by_role("list", name="Environments", exact=True)).to_contain_text("31 open requests")
    releases = page.get_by_role("list", name="Releases of many-dev").get_by_role("listitem")
    await expect(releases).to_have_count(30)
    await page.get_by_role("button", name="Show older releases").click()
    await expect(releases).to_have_count(32)
    await expect(page.get_by_role("button", name="Show older releases")).to_have_count(0)
    await page.get_by_role("button", name="New release").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Schedule f/shop/tick-40")).to_have_count(1)
    await expect(dialog.get_by_role("list", name="Removed items")).to_have_count(0)
    await page.goto("/w/many-live/environments/many")
    history = page.get_by_role("list", name="History").get_by_role("listitem")
    await expect(history).to_have_count(30)
    rollback = page.get_by_role("button", name="Roll back to release 1", exact=True)
    await expect(rollback).to_have_count(0)
    await shoot(page, "many")
    await page.get_by_role("button", name="Show older deployments").click()
    await expect(history).to_have_count(32)
    await expect(rollback).to_be_visible()
    assert site.client.delete("/api/environments/delete/many").is_success


def prepare_many(site: Site) -> None:
    """Create 31 schedules, 32 releases that were deployed, of which the first differs, and 31 open requests."""
    for workspace in ("many-dev", "many-live"):
        post(site, "/api/workspaces/create", {"id": workspace, "name": workspace})
        post(site, f"/api/w/{workspace}/folders/create", {"name": "shop"})
    post(site, "/api/environments/create", {"name": "many", "workspace": "many-live"})
    dev, live = "/api/w/many-dev", "/api/w/many-live/deployments"
    create_flow(site, dev, "f/shop/orders", "One", "type: identity")
    items = [{"kind": "schedule", "path": f"f/shop/tick-{number}"} for number in range(10, 41)]
    for item in items:
        daily = {"path": item["path"], "schedule": "0 0 6 * * *", "timezone": "UTC", "script_path": "f/shop/orders"}
        post(site, f"{dev}/schedules/create", {**daily, "is_flow": True, "args": {}, "enabled": False})
    for number in range(1, 33):
        if number == 2:
            create_flow(site, dev, "f/shop/orders", "Two", "type: identity")
        post(site, f"{dev}/releases/create", {"items": items[-1:]})
        request = site.client.post(f"{live}/create", json={"source": "many-dev", "number": number}).json()
        post(site, f"{live}/apply/{request['id']}", {"plan_hash": request["plan_hash"]})
    add_member(site, "mona", {"many-dev": "admin", "many-live": "admin"})
    headers = {"Authorization": f"Bearer {token_of(site, account('mona'))}"}
    with httpx.Client(base_url=site.base, headers=headers, timeout=60) as mona:
        for number in range(1, 32):
            client = site.client if number <= 20 else mona
            assert client.post(f"{live}/create", json={"source": "many-dev", "number": number}).is_success


def account(name: str) -> dict[str, str]:
    """Return the login of an account."""
    return {"email": f"{name}@example.org", "password": "correct horse"}


def add_member(site: Site, name: str, roles: dict[str, str]) -> None:
    """Create an account that is a member of workspaces, with a role in each."""
    post(site, "/api/users/create", {**account(name), "username": name})
    for workspace, role in roles.items():
        member = {"email": account(name)["email"], "username": name, "role": role}
        post(site, f"/api/w/{workspace}/workspaces/add_user", member)


async def set_checks(page: Page) -> None:
    """Fill in the checks in the form of the environment."""
    dialog = page.get_by_role("dialog", name="Edit the environment checked")
    await dialog.get_by_label("Run the tests of the released workflows").check()
    await dialog.get_by_role("combobox", name="Smoke run", exact=True).select_option("Workflow")
    await dialog.get_by_label("Path of the smoke run").fill("f/shop/smoke")
    inputs = dialog.get_by_label("Inputs of the smoke run")
    await inputs.fill("{")
    await expect(dialog.get_by_role("alert")).to_have_text("Enter a JSON object.")
    await inputs.fill('{"x": 1}')
    await dialog.get_by_label("Time limit of the smoke run").fill("60")
    await dialog.get_by_role("combobox", name="If a check fails").select_option("rollback")
    await check(page)
    await dialog.get_by_role("button", name="Save").click()
    await dialog.wait_for(state="detached")


async def test_approver_without_access_is_named_and_told(page: Page, site: Site, chromium: Browser) -> None:
    """The page of the request names who cannot approve it, and the home page of this member counts it."""
    noa = {"email": "noa@example.org", "password": "correct horse", "name": "Noa"}
    post(site, "/api/users/create", {**noa, "username": "noa"})
    for workspace in ("shut-dev", "shut-live"):
        post(site, "/api/workspaces/create", {"id": workspace, "name": workspace})
        post(site, f"/api/w/{workspace}/folders/create", {"name": "shop"})
    member = {"email": noa["email"], "username": "noa", "is_admin": False, "operator": False}
    post(site, "/api/w/shut-live/workspaces/add_user", member)
    rules = {"approvals": 1, "approvers": ["u/noa"]}
    post(site, "/api/environments/create", {"name": "shut", "workspace": "shut-live", "rules": rules})
    create_flow(site, "/api/w/shut-dev", "f/shop/orders", "Orders", "type: identity")
    post(site, "/api/w/shut-dev/releases/create", {"items": [{"kind": "flow", "path": "f/shop/orders"}]})
    call = "/api/w/shut-live/deployments/create"
    request = site.client.post(call, json={"source": "shut-dev", "number": 1}).json()["id"]
    await page.goto(f"/w/shut-live/environments/shut/requests/{request}")
    await expect(page.get_by_role("status").filter(has_text="Cannot approve this request: noa.")).to_be_visible()
    await check(page)
    await shoot(page, "unable")
    token = token_of(site, noa)
    context = await chromium.new_context(base_url=site.base)
    context.set_default_timeout(PATIENCE_MS)
    await context.add_cookies([{"name": "token", "value": token, "url": site.base, "httpOnly": True}])
    theirs = await context.new_page()
    await theirs.goto("/w/shut-live")
    card = theirs.get_by_role("region", name="Awaiting your approval")
    await expect(card).to_contain_text("1 request to deploy waits for your approval, but you may not read all")
    await check(theirs)
    await shoot(theirs, "home")
    await theirs.goto(f"/w/shut-live/environments/shut/requests/{request}")
    await expect(theirs.get_by_text(f"The request {request} has items that you may not read")).to_be_visible()
    await shoot(theirs, "refused")
    await context.close()


async def shoot(page: Page, name: str) -> None:
    """Take screenshots in two widths, if a folder for them is set."""
    if folder := os.environ.get("ORVANTA_TEST_SHOTS"):
        for width in (390, 1440):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)


def create_flow(site: Site, base: str, path: str, summary: str, value: str) -> None:
    """Deploy a workflow of one node with this value."""
    node = f"    - id: a\n      value: {{{value}, input_transforms: {{}}}}\n"
    text = f"summary: {summary}\nvalue:\n  modules:\n{node}"
    present = site.client.get(f"{base}/flows/exists/{path}").json()
    call = f"flows/update/{path}" if present else "flows/create"
    post(site, f"{base}/{call}", {"path": path, "source": {"format": "yaml", "text": text}})


def deploy(site: Site, summary: str) -> int:
    """Release a workflow with this summary, and deploy it; return the number of the request."""
    create_flow(site, "/api/w/checked-dev", "f/shop/orders", summary, "type: identity")
    items = {"items": [{"kind": "flow", "path": "f/shop/orders"}]}
    release = site.client.post("/api/w/checked-dev/releases/create", json=items).json()["number"]
    calls = "/api/w/checked-live/deployments"
    request = site.client.post(f"{calls}/create", json={"source": "checked-dev", "number": release}).json()
    post(site, f"{calls}/apply/{request['id']}", {"plan_hash": request["plan_hash"]})
    number: int = request["id"]
    return number


async def create_release(page: Page) -> None:
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="New release").click()
    await dialog.get_by_role("button", name="Create release").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Select at least one item.")
    await dialog.get_by_label("Search items").fill("nothing of that name")
    await expect(dialog.get_by_text("No matches")).to_be_visible()
    await dialog.get_by_label("Search items").fill("Workflow ORDERS")
    await dialog.get_by_label("Workflow f/shop/orders").check()
    await expect(dialog.get_by_role("alert")).to_have_count(0)
    await dialog.get_by_label("Notes").fill("First orders")
    await check(page)
    await dialog.get_by_role("button", name="Create release").click()
    await page.get_by_role("heading", name="Release 1 of shop-dev").wait_for()
    items = page.get_by_role("list", name="Items").get_by_role("listitem")
    await expect(items).to_contain_text(["f/shop/orders", "f/shop/step"])
    await expect(page.get_by_role("list", name="Required in each environment")).to_contain_text("f/shop/region")


async def request_deployment(page: Page) -> None:
    await page.get_by_role("combobox", name="Deploy to").select_option("prod")
    await check(page)
    await page.get_by_role("button", name="Request deployment").click()
    await page.get_by_role("heading", name="release 1 to prod").wait_for()
    await expect(page.get_by_role("list", name="Plan").get_by_role("listitem")).to_contain_text(["Added", "Added"])
    await expect(page.get_by_role("list", name="Rules not fulfilled yet")).to_contain_text("0 of 1 approvals")
    asked = page.get_by_role("region", name="Asked for approval")
    await expect(asked.get_by_role("option", name="admin")).to_have_count(0)
    await asked.get_by_role("combobox").select_option("cleo")
    await expect(asked.get_by_role("list", name="Asked for approval")).to_contain_text("cleo")


async def create_missing_variable(page: Page, site: Site) -> None:
    # A missing variable prevents the deployment; its link opens the form that creates it.
    blocked = page.get_by_role("list", name="Prevents the deployment")
    correction = blocked.get_by_role("link", name="Create f/shop/region")
    await expect(correction).to_have_attribute("href", "/w/shop-prod/settings/variables?new=f%2Fshop%2Fregion")
    await expect(page.get_by_role("button", name="Apply")).to_be_disabled()
    await check(page)
    post(site, f"{PROD}/variables/create", {"path": "f/shop/region", "value": "prod"})
    await page.reload()
    await expect(page.get_by_role("list", name="Rules not fulfilled yet")).to_be_visible()
    await expect(blocked).to_have_count(0)


async def apply_deployment(page: Page, site: Site) -> None:
    """Read the plan in the dialog and cancel, which changes nothing; then apply it."""
    dialog = page.get_by_role("dialog")
    apply = page.get_by_role("button", name="Apply")
    await apply.click()
    await expect(dialog.get_by_text("prod", exact=True)).to_have_css("border-left-color", "rgb(179, 38, 30)")
    counts = dialog.get_by_role("list", name="Plan").get_by_role("listitem")
    await expect(counts).to_have_text(["Creates 2 items", "Changes no items", "Deletes no items"])
    await check(page)
    await dialog.get_by_role("button", name="Cancel").click()
    assert site.client.get(f"{PROD}/flows/get/f/shop/orders").status_code == 404
    await apply.click()
    await dialog.get_by_role("button", name="Apply to prod").click()
    await expect(page.get_by_text("Applied", exact=True)).to_be_visible()
    await expect(page.get_by_text("All 2 items in the environment match the release")).to_be_visible()


async def change_outside_of_releases(page: Page, site: Site, deployment: str) -> None:
    """Change a deployed workflow: the pages of the deployment and of the environment report it."""
    changed = {"path": "f/shop/orders", "source": {"format": "yaml", "text": FLOW.replace("Orders", "Changed")}}
    post(site, f"{PROD}/flows/update/f/shop/orders", changed)
    await page.goto(deployment)
    await expect(page.get_by_role("list", name="Differs from this release now")).to_contain_text("f/shop/orders")
    await page.goto("/w/shop-prod/environments/prod")
    strip = page.locator("[style*='background: rgb(179, 38, 30)']")
    await expect(strip).to_be_visible()
    await expect(page.get_by_role("region", name="Current release")).to_contain_text("Release 1 of shop-dev")
    drift = page.get_by_role("list", name="Changed outside of releases").get_by_role("listitem")
    await expect(drift).to_contain_text("f/shop/orders")
    await expect(drift).to_contain_text("by admin")
    await expect(page.get_by_role("list", name="History").get_by_role("listitem")).to_have_count(1)


async def compare_with_development(page: Page, site: Site) -> None:
    """Show what the newest release of the previous environment, to which nothing is deployed, would change."""
    compared = page.get_by_role("region", name="Compared with dev")
    await expect(compared).to_contain_text("dev has Release 2 of shop-dev.")
    await compared.get_by_role("button", name="Show what a promotion would change").click()
    changes = compared.get_by_role("list", name="Differences").get_by_role("listitem")
    await expect(changes.filter(has_text="f/shop/orders")).to_contain_text("Conflict")
    await check(page)


async def promote_automatically(page: Page, site: Site) -> None:
    """Promote automatically, also in the place of a member who has left, with one click in the list of such items."""
    automatic = page.get_by_role("region", name="Automatic promotion")
    await automatic.get_by_role("button", name="Promote automatically as me").click()
    await expect(automatic).to_contain_text("Enabled by u/admin since")
    await check(page)
    promoted_by_leaver(site)
    await page.goto("/w/shop-prod/settings/members")
    ownerless = page.get_by_role("region", name="Items without an owner")
    await expect(ownerless).to_contain_text("Acted for u/dora")
    await ownerless.get_by_role("button", name="Promote automatically as me").click()
    await expect(ownerless).to_have_count(0)
    await page.goto("/w/shop-prod/environments/prod")
    await expect(automatic).to_contain_text("Enabled by u/admin since")


def promoted_by_leaver(site: Site) -> None:
    """Promote automatically as a member who then leaves."""
    leaver = {"email": "dora@example.org", "password": "correct horse", "username": "dora"}
    post(site, "/api/users/create", leaver)
    post(site, f"{PROD}/workspaces/add_user", {**leaver, "is_admin": False, "operator": False})
    with httpx.Client(base_url=site.base, timeout=60) as client:
        client.headers["Authorization"] = f"Bearer {client.post('/api/auth/login', json=leaver).text}"
        assert client.post(f"{PROD}/deployments/automatic", json={"enabled": True}).is_success
    post(site, f"{PROD}/users/update/dora", {"disabled": True})


async def check_narrow_pages(page: Page) -> None:
    await page.set_viewport_size({"width": 390, "height": 800})
    if folder := os.environ.get("ORVANTA_TEST_SHOTS"):
        await page.emulate_media(color_scheme="dark")
        await page.screenshot(path=f"{folder}/environment.png", full_page=True)
        await page.emulate_media(color_scheme="light")
    for path in ("environments/prod", "environments"):
        await page.goto(f"/w/shop-prod/{path}")
        await page.get_by_role("link", name="Release 1 of shop-dev").first.wait_for()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await check(page)


async def edit_production(page: Page, site: Site) -> None:
    """Require the approval of a member. A change based on an older version shows the values saved since then."""
    await page.goto("/w/shop-prod/environments/prod")
    dialog = page.get_by_role("dialog", name="Edit the environment prod")
    await page.get_by_role("button", name="Edit").click()
    post(site, "/api/environments/update/prod", {"rules": {"soak_minutes": 0}})
    await dialog.get_by_label("Approvals required").fill("1")
    await dialog.get_by_role("combobox", name="Approvers").select_option("u/cleo")
    await check(page)
    # A form that is longer than the window can be scrolled to its buttons.
    await page.set_viewport_size({"width": 390, "height": 500})
    await dialog.hover()
    await page.mouse.wheel(0, 2000)
    await expect(dialog.get_by_role("button", name="Save")).to_be_in_viewport(ratio=1)
    await page.set_viewport_size({"width": 1280, "height": 800})
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("This environment was changed in the meantime")
    await page.reload()
    await page.get_by_role("button", name="Edit").click()
    await dialog.get_by_label("Approvals required").fill("1")
    await dialog.get_by_role("combobox", name="Approvers").select_option("u/cleo")
    for each in ("u/admin", "u/cleo", "g/all"):
        await dialog.get_by_role("combobox", name="Members who may apply").select_option(each)
    await dialog.get_by_role("button", name="Members who may apply: remove u/cleo").click()
    await add_frozen_hours(page, dialog)
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("1 approval required")).to_be_visible()
    await expect(page.get_by_text("Members who may apply: u/admin, g/all")).to_be_visible()
    await expect(page.get_by_text("Frozen Fri, Sat 16:30 to 24:00 (Europe/Berlin)")).to_be_visible()
    post(site, "/api/environments/update/prod", {"rules": {"approvals": 1, "approvers": ["u/cleo"]}})
    await page.goto("/w/shop-dev/environments")


async def add_frozen_hours(page: Page, dialog: Locator) -> None:
    add = dialog.get_by_role("button", name="Add frozen hours")
    await add.click()
    await add.click()
    await dialog.get_by_role("button", name="Remove these hours").last.click()
    hours = dialog.get_by_role("group", name="Hours in which nothing is applied")
    await hours.get_by_label("Sat").check()
    await hours.get_by_label("From").fill("16:30")
    await expect(hours.get_by_label("To")).to_have_value("00:00")
    await dialog.get_by_label("Time zone of the frozen hours").fill("Europe/Berlin")
    await check(page)
    if folder := os.environ.get("ORVANTA_TEST_SHOTS"):
        for theme in ("dark", "light"):
            for width in (390, 1440):
                await page.set_viewport_size({"width": width, "height": 1000})
                await page.emulate_media(color_scheme=theme)
                await hours.scroll_into_view_if_needed()
                await page.screenshot(path=f"{folder}/frozen-{theme}-{width}.png")
        await page.set_viewport_size({"width": 1280, "height": 800})


async def release_removal(page: Page, site: Site) -> None:
    """Create a release of an item that the newest release contains and that was deleted since."""
    assert site.client.delete(f"{DEV}/schedules/delete/f/shop/daily").is_success
    await page.goto("/w/shop-dev/environments")
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="New release").click()
    removed = dialog.get_by_role("list", name="Removed items")
    await expect(removed.get_by_role("listitem")).to_have_text(["Schedule f/shop/daily"])
    await removed.get_by_label("Schedule f/shop/daily").check()
    await check(page)
    await dialog.get_by_role("button", name="Create release").click()
    await page.get_by_role("heading", name="Release 3 of shop-dev").wait_for()
    await expect(page.get_by_role("list", name="Removed items")).to_contain_text("f/shop/daily")
    await check(page)


async def delete_production(page: Page, site: Site) -> None:
    await page.goto("/w/shop-prod/environments/prod")
    await page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete the environment prod?")
    await expect(dialog.get_by_role("button", name="Delete")).to_be_disabled()
    await dialog.get_by_label("Type prod to delete the environment").fill("prod")
    await dialog.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("Deleted the environment prod")).to_be_visible()
    assert "prod" not in [each["name"] for each in site.client.get("/api/environments/list").json()]


async def create_production(page: Page) -> None:
    """Create the second environment on the page; its rule is shown on its own page."""
    await page.get_by_role("button", name="New environment").click()
    dialog = page.get_by_role("dialog")
    create = dialog.get_by_role("button", name="Create environment")
    # The form is longer than the dialog, and its buttons are visible nevertheless.
    await expect(create).to_be_in_viewport()
    await dialog.get_by_label("Name", exact=True).fill("no spaces")
    await dialog.get_by_role("combobox", name="Workspace").select_option("shop-prod")
    await dialog.get_by_label("Colour", exact=True).fill("#b3261e")
    await dialog.get_by_label("Approvals required").fill("1")
    await expect(dialog.get_by_role("combobox", name="Place in the pipeline")).to_have_value("2")
    await create.click()
    await expect(dialog.get_by_role("alert")).to_contain_text("no spaces")
    await check(page)
    await dialog.get_by_label("Name", exact=True).fill("prod")
    await create.click()
    await page.get_by_role("link", name="prod", exact=True).click()
    await expect(page.get_by_text("1 approval required")).to_be_visible()
    await page.goto("/w/shop-dev/environments")


async def compare(page: Page, site: Site) -> None:
    """Show the differences of a request that changes a workflow and a script, and adds a schedule."""
    text = FLOW + "    - {id: c, value: {type: identity, input_transforms: {}}}\n"
    source = {"format": "yaml", "text": text}
    post(site, f"{DEV}/flows/update/f/shop/orders", {"path": "f/shop/orders", "source": source})
    old = site.client.get(f"{DEV}/scripts/get/p/f/shop/step").json()["hash"]
    code = {"path": "f/shop/step", "content": "echo 2", "language": "bash", "summary": "", "parent_hash": old}
    post(site, f"{DEV}/scripts/create", code)
    daily = {"path": "f/shop/daily", "schedule": "0 0 6 * * *", "timezone": "UTC", "script_path": "f/shop/orders"}
    post(site, f"{DEV}/schedules/create", {**daily, "is_flow": True, "args": {}, "enabled": False})
    chosen = [{"kind": "schedule", "path": "f/shop/daily"}]
    post(site, f"{DEV}/releases/create", {"items": chosen})
    theirs = {**daily, "path": "f/shop/theirs", "is_flow": True, "args": {}, "enabled": True}
    post(site, f"{PROD}/schedules/create", theirs)
    request = site.client.post(f"{PROD}/deployments/create", json={"source": "shop-dev", "number": 2}).json()["id"]
    await page.goto(f"/w/shop-prod/environments/prod/requests/{request}")
    await expect(page.get_by_text("Created in the workspace shop-dev")).to_be_visible()
    plan = page.get_by_role("list", name="Plan")
    await expect(plan).to_contain_text("New: acts for the member who applies it")
    orders = plan.get_by_role("listitem").filter(has_text="Workflow f/shop/orders")
    await expect(orders).to_contain_text("Started by 1 schedule")
    await plan.get_by_role("button", name="Differences of Workflow f/shop/orders").click()
    await expect(page.get_by_role("list", name="Differences", exact=True)).to_contain_text("Addedc")
    graph = page.get_by_role("region", name="In the environment and In the release as one graph")
    await expect(graph.locator(".react-flow__node [data-mark=added]").first).to_be_visible()
    await page.get_by_role("button", name="Text", exact=True).click()
    await expect(page.get_by_role("region", name="Comparison")).to_contain_text("id: c")
    await plan.get_by_role("button", name="Differences of Workflow f/shop/orders").click()
    await plan.get_by_role("button", name="Differences of Script f/shop/step").click()
    await expect(page.get_by_role("region", name="Comparison")).to_contain_text(["echo 2"])
    await plan.get_by_label("Comment on f/shop/step").fill("Why two?")
    await plan.get_by_role("button", name="Comment on this item").click()
    await expect(plan.get_by_role("list", name="Comments on f/shop/step")).to_contain_text("Why two?")
    await expect(plan.get_by_role("listitem").filter(has_text="Script f/shop/step")).to_contain_text("1 comment")
    await expect(page.get_by_role("list", name="Approvals and comments")).to_contain_text("Script f/shop/step")
    await plan.get_by_role("button", name="Differences of Schedule f/shop/daily").click()
    await expect(page.get_by_role("region", name="Comparison").last).to_contain_text("f/shop/orders")
    await check(page)
    if folder := os.environ.get("ORVANTA_TEST_SHOTS"):
        await page.screenshot(path=f"{folder}/request.png", full_page=True)
    await page.get_by_role("button", name="Withdraw").click()
    await page.get_by_text("Withdrawn", exact=True).wait_for()


async def approve(chromium: Browser, site: Site, token: str, url: str) -> None:
    """Approve the request as another user."""
    context = await chromium.new_context(base_url=site.base)
    context.set_default_timeout(PATIENCE_MS)
    await context.add_cookies([{"name": "token", "value": token, "url": site.base, "httpOnly": True}])
    page = await context.new_page()
    await page.goto("/w/shop-prod")
    card = page.get_by_role("region", name="Awaiting your approval")
    await card.get_by_role("link", name="Release 1 of shop-dev to prod").click()
    await page.wait_for_url(url)
    await page.get_by_label("Comment", exact=True).fill("Looks good")
    await page.get_by_role("button", name="Approve").click()
    approvals = page.get_by_role("list", name="Approvals and comments")
    await expect(approvals).to_contain_text("cleo approved")
    await expect(approvals).to_contain_text("Looks good")
    await context.close()
