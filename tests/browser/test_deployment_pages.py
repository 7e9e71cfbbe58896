"""Pages of requests to deploy: rollbacks, decided plans, bypasses, missing values and what a member may not do."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.conftest import PATIENCE_MS, Site
from tests.browser.test_accessibility import check
from tests.browser.test_environments import account, add_member, create_flow, post, shoot, token_of
from tests.browser.test_scripts import code_of

pytestmark = pytest.mark.extended

FLOW = {"kind": "flow", "path": "f/shop/orders"}
NEEDY = """\
summary: Needs a resource
value:
  modules:
    - id: a
      value:
        type: script
        path: f/shop/load
        input_transforms: {shop: {type: static, value: "$res:f/shop/database"}}
"""


def prepare(site: Site, name: str) -> str:
    """Create an environment with two deployed releases; return the address of its calls."""
    for workspace in (f"{name}-dev", f"{name}-live"):
        post(site, "/api/workspaces/create", {"id": workspace, "name": workspace})
        post(site, f"/api/w/{workspace}/folders/create", {"name": "shop", "owners": ["g/all"]})
    post(site, "/api/environments/create", {"name": name, "workspace": f"{name}-live"})
    live = f"/api/w/{name}-live/deployments"
    for number in (1, 2):
        release(site, name, f"Release {number}")
        request = created(site, name, number)
        post(site, f"{live}/apply/{request['id']}", {"plan_hash": request["plan_hash"]})
    return live


def release(site: Site, name: str, summary: str) -> None:
    create_flow(site, f"/api/w/{name}-dev", "f/shop/orders", summary, "type: identity")
    post(site, f"/api/w/{name}-dev/releases/create", {"items": [FLOW], "notes": f"Notes of {summary}"})


def created(site: Site, name: str, number: int, **more: Any) -> Any:
    body = {"source": f"{name}-dev", "number": number, **more}
    return site.client.post(f"/api/w/{name}-live/deployments/create", json=body).json()


async def test_rollback_is_named_everywhere_and_its_rejection_lifts_the_hold(page: Page, site: Site) -> None:
    live = prepare(site, "back")
    rules = {"approvals": 1, "author_may_approve": True}
    post(site, "/api/environments/update/back", {"rules": rules})
    rollback = site.client.post(f"{live}/rollback", json={"reason": "Wrong totals"}).json()
    await page.goto("/w/back-live")
    await page.get_by_role("link", name="Rollback of back to release 1 of back-dev").wait_for()
    await page.get_by_role("link", name="Approvals", exact=True).first.click()
    waiting = page.get_by_role("region", name="Deployments awaiting your approval")
    await expect(waiting).to_contain_text("Wrong totals")
    await expect(page.get_by_text("No approvals waiting")).to_have_count(0)
    await check(page)
    await shoot(page, "approvals-deployment")
    await waiting.get_by_role("link", name="Rollback of back to release 1 of back-dev").click()
    await page.get_by_role("heading", name=f"Request {rollback['id']}: rollback of back to release 1").wait_for()
    await expect(page.get_by_text("Rollback from Release 2 of back-dev")).to_be_visible()
    await expect(page.get_by_text("Reason of the rollback: Wrong totals")).to_be_visible()
    await expect(page.get_by_text("Notes of Release 1")).to_have_count(0)
    await check(page)
    await shoot(page, "rollback-request")
    await page.get_by_role("button", name="Reject").click()
    dialog = page.get_by_role("dialog", name=f"Reject request {rollback['id']}?")
    await dialog.get_by_label("Reason (optional)").fill("Mended otherwise")
    await shoot(page, "reject")
    await dialog.get_by_role("button", name="Reject").click()
    await expect(page.get_by_role("list", name="Approvals and comments")).to_contain_text("Mended otherwise")
    await expect(page.get_by_role("list", name="Plan when the request was closed")).to_contain_text("f/shop/orders")
    assert site.client.get(f"{live}/environment").json()["hold"] is None
    post(site, "/api/environments/update/back", {"rules": {}})
    post(site, f"{live}/rollback", {"reason": "Slow"})
    post(site, f"{live}/lift_hold", {})
    await page.goto("/w/back-live/environments/back")
    last = page.get_by_role("list", name="History").get_by_role("listitem").first
    await expect(last).to_contain_text("Reason of the rollback: Slow")
    await shoot(page, "rollback-history")
    assert site.client.delete("/api/environments/delete/back").is_success


async def test_applied_request_shows_its_plan_and_its_bypass(page: Page, site: Site) -> None:
    """The plan marks the overwritten change; the dialog, the request and the history name the bypassed rules."""
    live = prepare(site, "kept")
    create_flow(site, "/api/w/kept-live", "f/shop/orders", "Changed here", "type: identity")
    post(site, "/api/environments/update/kept", {"rules": {"approvals": 1, "bypass": ["u/admin"]}})
    release(site, "kept", "Release 3")
    request = created(site, "kept", 3)
    await page.goto(f"/w/kept-live/environments/kept/requests/{request['id']}")
    await expect(page.get_by_text("Items of the release were changed in the environment.")).to_be_visible()
    await page.get_by_role("button", name="Overwrite changed items").click()
    plan = page.get_by_role("list", name="Plan", exact=True)
    await expect(plan).to_contain_text("Overwrites a change made in the environment")
    await shoot(page, "overwrites")
    await page.get_by_label("Reason for bypassing the rules").fill("Incident 7")
    await page.get_by_role("button", name="Apply", exact=True).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Overwrites 1 change made in the environment")
    await expect(dialog).to_contain_text("Rules bypassed: approvals. Reason: Incident 7")
    await dialog.get_by_role("button", name="Apply to kept").click()
    await expect(page.get_by_text("Rules bypassed: approvals. Reason: Incident 7")).to_be_visible()
    applied = page.get_by_role("list", name="Plan that was applied")
    await expect(applied).to_contain_text("Overwrites a change made in the environment")
    await applied.get_by_role("button", name="Differences of Workflow f/shop/orders").click()
    await applied.get_by_role("button", name="Text").click()
    await expect(applied).to_contain_text("Release 2")
    await expect(applied).to_contain_text("In the environment")
    await check(page)
    await shoot(page, "applied")
    assert site.client.get(f"{live}/environment").json()["current"]["bypassed"] == ["approvals_missing"]
    assert site.client.delete("/api/environments/delete/kept").is_success


async def test_missing_resource_is_created_from_the_request(page: Page, site: Site) -> None:
    prepare(site, "lack")
    script = {"path": "f/shop/load", "content": "x", "language": "bash", "summary": "", "description": ""}
    post(site, "/api/w/lack-dev/scripts/create", script)
    resource = {"path": "f/shop/database", "resource_type": "postgresql", "value": {}}
    post(site, "/api/w/lack-dev/resources/create", resource)
    source = {"format": "yaml", "text": NEEDY}
    post(site, "/api/w/lack-dev/flows/update/f/shop/orders", {"path": "f/shop/orders", "source": source})
    post(site, "/api/w/lack-dev/releases/create", {"items": [FLOW]})
    request = created(site, "lack", 3)
    await page.goto("/w/lack-dev/environments/releases/3")
    needed = page.get_by_role("list", name="Required in each environment")
    await expect(needed).to_contain_text("f/shop/database (type postgresql)")
    await page.goto(f"/w/lack-live/environments/lack/requests/{request['id']}")
    blocked = page.get_by_role("list", name="Prevents the deployment")
    await expect(blocked).to_contain_text("The resource f/shop/database of the type postgresql does not exist")
    await shoot(page, "missing-resource")
    await blocked.get_by_role("link").first.click()
    dialog = page.get_by_role("dialog", name="New resource")
    await expect(dialog.get_by_label("Id")).to_have_value("database")
    await expect(dialog.get_by_label("Folder")).to_have_value("f/shop")
    await expect(dialog.get_by_label("Type")).to_have_value("postgresql")
    await shoot(page, "new-resource")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_have_count(0)
    assert "new=" not in page.url
    assert site.client.delete("/api/environments/delete/lack").is_success


async def test_member_sees_what_only_others_may_do(page: Page, site: Site, chromium: Browser) -> None:
    """Buttons are disabled with the reason; the rules name approvals that cannot be reached, and hours of two days."""
    prepare(site, "sort")
    hours = {"windows": [{"days": ["tue"], "start": "06:00", "end": "05:00"}]}
    rules = {"approvals": 2, "approvers": ["u/oskar"], "appliers": ["u/oskar"], "frozen_hours": hours}
    post(site, "/api/environments/update/sort", {"rules": rules})
    for name in ("oskar", "paul"):
        add_member(site, name, {"sort-dev": "developer", "sort-live": "developer"})
    release(site, "sort", "Release 3")
    request = created(site, "sort", 3)
    context = await chromium.new_context(base_url=site.base)
    context.set_default_timeout(PATIENCE_MS)
    token = token_of(site, account("paul"))
    await context.add_cookies([{"name": "token", "value": token, "url": site.base, "httpOnly": True}])
    theirs = await context.new_page()
    await theirs.goto(f"/w/sort-live/environments/sort/requests/{request['id']}")
    for name in ("Approve", "Reject", "Withdraw", "Apply"):
        button = theirs.get_by_role("button", name=name, exact=True)
        await expect(button).to_be_disabled()
        assert await button.get_attribute("title")
    await shoot(theirs, "not-permitted")
    await context.close()
    await page.goto(f"/w/sort-live/environments/sort/requests/{request['id']}")
    chosen = page.get_by_label("Asked for approval").first
    await expect(chosen.get_by_role("option")).to_have_text(["Select…", "oskar"])
    await page.goto("/w/sort-live/environments/sort")
    await expect(page.get_by_text("2 approvals are required, but only 1 member can approve.")).to_be_visible()
    await expect(page.get_by_text("Frozen Tue 06:00 to 05:00 of the next day (UTC)")).to_be_visible()
    await check(page)
    await shoot(page, "rules")
    await page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete the environment sort?")
    await expect(dialog).to_contain_text("1 open request")
    await expect(dialog.get_by_role("button", name="Delete")).to_be_disabled()
    await shoot(page, "delete")
    await dialog.get_by_label("Type sort to delete the environment").fill("sort")
    await dialog.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("Deleted the environment sort")).to_be_visible()


async def test_release_enables_a_new_schedule_in_an_environment(page: Page, site: Site) -> None:
    prepare(site, "tick")
    schedule = {"schedule": "0 0 6 * * *", "timezone": "UTC", "is_flow": True, "enabled": True, "args": {}}
    body = {**schedule, "path": "f/shop/daily", "script_path": "f/shop/orders"}
    post(site, "/api/w/tick-dev/schedules/create", body)
    await page.goto("/w/tick-dev/environments")
    await page.get_by_role("button", name="New release").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Schedule f/shop/daily").check()
    await dialog.get_by_label("Enable f/shop/daily in tick").check()
    await check(page)
    await shoot(page, "enable")
    await dialog.get_by_role("button", name="Create release").click()
    await page.get_by_role("heading", name="Release 3 of tick-dev").wait_for()
    enabled = site.client.get("/api/w/tick-dev/releases/get/3").json()["enabled"]
    assert enabled == [{"kind": "schedule", "path": "f/shop/daily", "environments": ["tick"]}]
    assert site.client.delete("/api/environments/delete/tick").is_success


async def test_nothing_is_deployed_directly_where_only_releases_change_items(page: Page, site: Site) -> None:
    """The buttons that deploy a changed script or workflow are disabled; their title and the keys say why."""
    prepare(site, "only")
    script = {"path": "f/shop/load", "content": "x", "language": "bash", "summary": "", "description": ""}
    post(site, "/api/w/only-live/scripts/create", script)
    post(site, "/api/environments/update/only", {"rules": {"refuse_direct_deploys": True}})
    title = "Scripts and workflows of this workspace are changed by releases only."
    text = site.client.get("/api/w/only-live/flows/get/f/shop/orders").json()["source"]["text"]
    draft = {"value": {"source": {"format": "yaml", "text": text.replace("Release 2", "Changed")}}, "seq": None}
    site.client.put("/api/w/only-live/drafts/flow/f/shop/orders", json=draft).raise_for_status()
    await page.goto("/w/only-live/scripts/f/shop/load")
    await code_of(page, "y")
    for path in ("scripts/f/shop/load", "workflows/f/shop/orders"):
        if path not in page.url:
            await page.goto(f"/w/only-live/{path}")
        button = page.get_by_role("button", name="Deploy", exact=True)
        await expect(button).to_have_attribute("title", title)
        await expect(button).to_be_disabled()
        await page.keyboard.press("Control+Shift+s")
        notices = page.get_by_role("status").get_by_text(title)
        await expect(notices).to_have_count(1)
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await shoot(page, f"releases-only-{path.split('/')[0]}")
    await page.reload()
    await expect(button).to_be_visible()
    await page.keyboard.press("Control+k")
    await page.get_by_placeholder("Search commands, nodes").fill("deploy")
    await page.get_by_role("option", name="Deploy").click()
    await expect(notices).to_have_count(1)
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert site.client.delete("/api/environments/delete/only").is_success
