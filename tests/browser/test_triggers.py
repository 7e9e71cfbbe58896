"""Triggers of a workflow, configured on its page: webhook, schedules and HTTP triggers."""

from __future__ import annotations

import asyncio
import shlex
from typing import Any, Literal

import httpx
import pytest
from playwright.async_api import Page, Route, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check
from tests.browser.test_editing import add, node
from tests.installation import PATIENCE_S

pytestmark = pytest.mark.extended

SOURCE = """summary: Give back
value:
  modules:
    - {id: give, value: {type: identity}}
  output: {type: javascript, expr: flow_input.name}
schema: {type: object, required: [name], properties: {name: {type: string}}, examples: [{name: Ada's}]}
"""


def page_of(path: str) -> str:
    return f"/w/main/workflows/{path}?view=triggers"


async def called(page: Page, label: str) -> httpx.Response:
    """Execute the displayed command without a shell."""
    text = await page.locator(f'[data-command="{label}"]').inner_text()
    words = shlex.split(text.replace("\\\n", " "))
    assert words[:2] == ["curl", "-X"]
    options = list(zip(words[4::2], words[5::2], strict=True))
    headers = dict(value.split(": ", 1) for name, value in options if name == "-H")
    [body] = [value for name, value in options if name == "-d"]
    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
        return await client.request(words[2], words[3], headers=headers, content=body)


async def posted(url: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
        return await client.post(url, json={})


def found(site: Site, what: str, path: str) -> Any:
    return site.client.get(f"/api/w/main/{what}/list", params={"path": path}).json()


async def test_copied_command_has_token_limited_to_workflow(page: Page, site: Site) -> None:
    site.deploy("f/triggers/hook", SOURCE)
    await page.goto(page_of("f/triggers/hook"))
    assert (await called(page, "curl command")).status_code == 401
    await page.get_by_role("button", name="Create token").click()
    await expect(page.get_by_text("shown only once")).to_be_visible()
    answer = await called(page, "curl command")
    assert answer.status_code == 201
    assert site.client.get(f"/api/w/main/jobs_u/get/{answer.text}").json()["trigger_kind"] == "webhook"
    await page.get_by_label("Result, after the run").check()
    assert (await called(page, "curl command")).json() == "Ada's"
    token = await page.locator('[data-command="Token"]').inner_text()
    refused = site.client.get("/api/w/main/flows/list", headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 403
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy URL").click()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{site.base}/api/w/main/jobs/run_wait_result/f/f/triggers/hook"
    # A request to the test URL starts no run, and becomes the input of a test.
    before = len(site.client.get("/api/w/main/jobs/list", params={"script_path_exact": "f/triggers/hook"}).json())
    await page.clock.install()
    await page.get_by_role("button", name="Listen for a test request").click()
    await expect(page.get_by_text("start no run")).to_be_visible()
    url = f"{site.base}/api/w/main/capture_u/webhook/flow/f/triggers/hook"
    await expect(page.locator('[data-command="curl command of a test request"]')).to_contain_text(url)
    # The page sends pings until the user stops listening.
    async with page.expect_response("**/capture/ping_config/**") as ping:
        await page.clock.fast_forward("00:21")
    assert (await ping.value).status == 200
    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
        sent = await client.post(url, json={"name": "Grace"}, headers={"Authorization": f"Bearer {token}"})
    assert sent.status_code == 201
    await expect(page.get_by_label("Test requests").get_by_role("listitem")).to_contain_text('"name": "Grace"')
    await page.get_by_role("button", name="Use as test input").click()
    await expect(page.get_by_label("name")).to_have_value("Grace")
    after = site.client.get("/api/w/main/jobs/list", params={"script_path_exact": "f/triggers/hook"}).json()
    assert len(after) == before


async def test_schedule_is_created_paused_changed_run_and_deleted(page: Page, site: Site) -> None:
    path = "f/triggers/timed"
    site.deploy(path, SOURCE)
    await page.goto(page_of(path))
    await page.get_by_role("button", name="New schedule").click()
    await page.get_by_label("When").select_option("Every Monday at 8:00")
    await page.get_by_label("Time zone").fill("Europe/Paris")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Next runs").get_by_role("listitem")).to_have_count(5)
    await expect(dialog.get_by_label("Next runs").get_by_role("listitem").first).to_contain_text("Mon")
    await page.get_by_label("Cron").fill("0 0 25 * * *")
    await expect(dialog.get_by_role("alert")).to_be_visible()
    await page.get_by_label("Cron").fill("30 2 * * *")
    await page.get_by_label("Time zone").fill("Europe/Nowhere")
    await expect(dialog.get_by_role("alert")).to_contain_text("Unknown time zone Europe/Nowhere")
    # The preview remains, so that the dialog keeps its size. A city names its zone.
    await expect(dialog.get_by_label("Next runs").get_by_role("listitem")).to_have_count(5)
    await page.get_by_label("Time zone").fill("paris")
    await expect(dialog.get_by_role("alert")).to_have_count(0)
    await page.get_by_label("Time zone").blur()
    await expect(page.get_by_label("Time zone")).to_have_value("Europe/Paris")
    # The form has the fields of the schema, filled with its example.
    name = dialog.get_by_role("group", name="Inputs").get_by_label("name", exact=True)
    await expect(name).to_have_value("Ada's")
    await name.fill("")
    await page.get_by_role("button", name="Create schedule").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Required")
    await name.fill("Grace")
    await page.get_by_role("textbox", name="Name", exact=True).fill("By night")
    await page.get_by_role("button", name="Create schedule").click()
    row = page.get_by_role("listitem").filter(has_text="By night")
    await expect(row.get_by_label("Next runs").get_by_text("02:30:00")).to_have_count(5)
    await expect(page.locator("li[data-highlighted]").filter(has_text="By night")).to_be_in_viewport()
    await expect(row).to_contain_text("Runs as admin")
    [made] = found(site, "schedules", path)
    assert (made["timezone"], made["enabled"], made["args"]) == ("Europe/Paris", True, {"name": "Grace"})
    await row.get_by_role("button", name="Pause").click()
    await expect(row).to_contain_text("Paused")
    await row.get_by_role("button", name="Resume").click()
    await expect(row.get_by_label("Next runs")).to_be_visible()
    await row.get_by_role("button", name="Edit").click()
    await page.get_by_label("Cron").fill("0 45 3 * * *")
    await page.get_by_role("button", name="Save").click()
    await expect(row.get_by_label("Next runs").get_by_text("03:45:00")).to_have_count(5)
    await page.get_by_label("Search schedules and HTTP triggers").fill("nothing like it")
    await expect(page.get_by_text("No matching schedules")).to_be_visible()
    await page.get_by_label("Search schedules and HTTP triggers").fill("night")
    await row.get_by_role("button", name="Run now").click()
    await expect(node(page, "give").locator("[data-state=succeeded]")).to_be_visible()
    await expect(page.locator('[data-result="Workflow result"]')).to_have_text('"Grace"')
    await page.get_by_role("link", name="Triggers").click()
    await row.get_by_role("button", name="Delete By night").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("A schedule starts the workflow")).to_be_visible()
    assert found(site, "schedules", path) == []


async def test_route_is_created_called_changed_and_disabled(page: Page, site: Site) -> None:
    path = "f/triggers/routed"
    site.deploy(path, SOURCE)
    key = {
        "path": "f/triggers/key",
        "resource_type": "api_key",
        "value": {"api_key": "s"},
    }
    site.client.post("/api/w/main/resources/create", json=key).raise_for_status()
    await page.goto(page_of(path))
    await page.get_by_role("button", name="New HTTP trigger").click()
    await page.get_by_role("textbox", name="Route", exact=True).fill("people/:name")
    await page.get_by_label("Authentication").select_option("none")
    await page.get_by_role("button", name="Create HTTP trigger").click()
    row = page.get_by_role("listitem").filter(has_text="people/:name")
    await expect(row).to_contain_text("POST /people/:name")
    await expect(row).to_contain_text("Runs as admin")
    [made] = found(site, "http_triggers", path)
    triggers = page.get_by_role("region", name="HTTP triggers")
    await triggers.get_by_role("button", name="Listen for a test request").click()
    test_url = f"{site.base}/api/w/main/capture_u/http/flow/{path}"
    await expect(triggers.locator('[data-command="Test URL"]')).to_have_text(test_url)
    site.client.post(test_url, params={"name": "Lin"}, json={}).raise_for_status()
    await expect(triggers.get_by_label("Test requests").get_by_role("listitem")).to_contain_text('"name": "Lin"')
    url = f"{site.base}/api/r/main/people/Grace"
    assert (await posted(url)).json() == "Grace"
    await row.get_by_role("button", name="Edit").click()
    await page.get_by_role("dialog").get_by_label("Response").select_option("async")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert (await posted(url)).status_code == 201
    await row.get_by_role("button", name="Edit").click()
    await page.get_by_label("Authentication").select_option("api_key")
    await page.get_by_label("Resource with the secret").select_option("f/triggers/key")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert (await posted(url)).status_code == 401
    await row.get_by_role("button", name="Disable").click()
    await expect(row.get_by_role("button", name="Enable")).to_be_visible()
    assert (await posted(url)).status_code == 404
    await row.get_by_role("button", name=f"Delete {made['path']}").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("An HTTP trigger is a URL of your own")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_triggers_are_readable_everywhere(page: Page, site: Site, scheme: Literal["light", "dark"]) -> None:
    path = f"f/triggers/{scheme}"
    site.deploy(path, SOURCE)
    times: dict[str, Any] = {"schedule": "0 0 8 * * *", "timezone": "Europe/Paris", "enabled": True}
    given = {**times, "path": f"{path}_times", "script_path": path, "is_flow": True, "args": {}}
    assert site.client.post("/api/w/main/schedules/create", json=given).status_code == 201
    route = {"path": f"{path}_route", "script_path": path, "is_flow": True, "route_path": f"of_{scheme}"}
    proof = {"http_method": "post", "authentication_method": "none", "is_static_website": False}
    assert site.client.post("/api/w/main/http_triggers/create", json={**route, **proof}).status_code == 201
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for width in (1440, 360):
        await page.set_viewport_size({"width": width, "height": 900})
        await page.goto(page_of(path))
        await expect(page.get_by_label("Next runs")).to_be_visible()
        await expect(page.get_by_text(f"POST /of_{scheme}")).to_be_visible()
        await check(page)
        for name in ("New schedule", "New HTTP trigger"):
            await page.get_by_role("button", name=name).click()
            await page.get_by_role("dialog").wait_for()
            await check(page)
            await page.keyboard.press("Escape")
            await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_buttons_of_a_schedule_stay_in_place_while_its_next_runs_load(page: Page, site: Site) -> None:
    """A click on a button that moves between press and release does nothing."""
    path = "f/triggers/still"
    site.deploy(path, SOURCE)
    released = asyncio.Event()

    async def hold(route: Route) -> None:
        await released.wait()
        await route.continue_()

    await page.route("**/api/schedules/preview", hold)
    await page.goto(f"/w/main/workflows/{path}?view=triggers")
    await page.get_by_role("button", name="New schedule").first.click()
    button = page.get_by_role("button", name="Create schedule")
    before = await button.bounding_box()
    released.set()
    await expect(page.get_by_label("Next runs").get_by_role("listitem")).to_have_count(5)
    assert before and await button.bounding_box() == before


async def test_triggers_are_shown_above_the_graph_and_added_there(page: Page, site: Site) -> None:
    path = "f/triggers/start"
    site.deploy(path, SOURCE)
    await page.goto(f"/w/main/workflows/{path}")
    triggers = page.get_by_role("list", name="Triggers")
    await expect(triggers.get_by_role("button", name="Manual")).to_be_in_viewport(ratio=0.99)
    await triggers.get_by_role("button", name="Add a trigger").click()
    await page.get_by_role("menuitem", name="New schedule").click()
    await page.get_by_role("button", name="Create schedule").click()
    schedule = triggers.get_by_role("button", name="Every day at 8:00")
    await expect(schedule).to_contain_text("Next: ")
    await expect(schedule).to_have_attribute("title", "0 0 8 * * *")
    await triggers.get_by_role("button", name="Add a trigger").click()
    await page.get_by_role("menuitem", name="New HTTP trigger").click()
    await page.get_by_role("dialog").get_by_label("Route", exact=True).fill("start/:name")
    await page.get_by_role("button", name="Create HTTP trigger").click()
    await expect(triggers.get_by_role("button", name="/start/:name Enabled")).to_be_visible()
    # The selected trigger is shown in the panel, which changes its state.
    await schedule.click()
    panel = page.get_by_role("complementary", name="Trigger")
    await expect(panel.get_by_label("Next runs").get_by_role("listitem")).to_have_count(5)
    await panel.get_by_role("button", name="Pause").click()
    await expect(schedule).to_contain_text("Paused")
    await triggers.get_by_role("button", name="Webhook").click()
    await expect(panel.locator('[data-command="curl command"]')).to_be_visible()
    await node(page, "give").click()
    await expect(page.get_by_role("complementary", name="Node")).to_be_visible()
    await node(page, "give").press("ArrowUp")
    await expect(triggers.get_by_role("button", name="Manual")).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await expect(triggers.get_by_role("button", name="Webhook")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(node(page, "give")).to_be_focused()
    await triggers.get_by_role("button", name="Manual").click()
    await page.get_by_role("button", name="Fill in the example").click()
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.locator('[data-result="Workflow result"]')).to_have_text('"Ada\'s"')


async def test_trigger_of_empty_workflow_asks_for_a_node_and_a_deployment(page: Page, site: Site) -> None:
    path = "f/triggers/empty"
    body = {"value": {"source": {"format": "yaml", "text": "summary: Nothing yet\nvalue:\n  modules: []\n"}}}
    site.client.put(f"/api/w/main/drafts/flow/{path}", json=body).raise_for_status()
    await page.goto(page_of(path))
    await expect(page.get_by_role("heading", name="Nothing to start yet")).to_be_visible()
    # The node is added on the graph.
    await page.get_by_role("main").get_by_role("button", name="Add a node").click()
    await expect(page.locator("[data-canvas]")).to_be_visible()
    await add(page, "Schedule")
    panel = page.get_by_role("complementary", name="Trigger")
    await expect(panel).to_contain_text("Add a node, deploy the workflow, then set up its triggers.")
    await panel.get_by_role("button", name="Add a node").click()
    await add(page, "Identity")
    triggers = page.get_by_role("list", name="Triggers")
    # With a node, the next step is the deployment, after which the form is shown.
    await triggers.get_by_role("button", name="Add a trigger").click()
    await page.get_by_role("menuitem", name="New schedule").click()
    await panel.get_by_role("button", name="Deploy").click()
    await page.get_by_role("dialog").get_by_role("button", name="Deploy").click()
    await page.get_by_role("button", name="Create schedule").click()
    await expect(triggers.get_by_role("button", name="Every day at 8:00")).to_be_visible()
    # An empty workflow can be deployed; its triggers say that they start nothing.
    site.deploy("f/triggers/nothing", "summary: Nothing\nvalue:\n  modules: []\n")
    await page.goto(page_of("f/triggers/nothing"))
    await expect(page.get_by_text("its runs end at once and do nothing")).to_be_visible()
