"""New workflows, empty or from a template: created as a draft, opened, run, deployed."""

from __future__ import annotations

import asyncio
import itertools
from typing import Literal

import pytest
from playwright.async_api import Page, Route, expect
from tests.browser.conftest import ONE_LOOK, ROOT, Site
from tests.browser.test_accessibility import check
from tests.browser.test_editing import add, deploy, draft_saved, flow, node

EXAMPLES = sorted(each.stem for each in (ROOT / "examples").glob("*.flow"))
TEMPLATES = sorted([*EXAMPLES, *(each.stem for each in (ROOT / "examples" / "templates").glob("*.flow"))])
_numbers = itertools.count()


async def _asked(page: Page) -> None:
    await page.get_by_role("button", name="New workflow").click()
    await expect(page.get_by_role("radio")).to_have_count(1 + len(TEMPLATES))


async def _made(page: Page) -> str:
    """Enter a new folder and create the workflow; return its path."""
    folder = f"made{next(_numbers)}"
    await page.get_by_role("combobox", name="Folder").select_option("New folder…")
    await expect(page.get_by_role("dialog").get_by_role("alert")).to_have_count(0)
    await page.get_by_label("Folder name").fill(folder)
    name = await page.get_by_label("Id", exact=True).input_value()
    await page.get_by_role("button", name="Create workflow").click()
    await page.wait_for_url(f"**/workflows/f/{folder}/{name}")
    return f"f/{folder}/{name}"


async def test_enter_before_the_folders_are_loaded_creates_the_item(page: Page, site: Site) -> None:
    requests: asyncio.Queue[Route] = asyncio.Queue()
    for item, path in (("workflow", "workflows/*/*/early"), ("script", "scripts/*/*/early")):
        await page.goto(f"/w/main/{item}s")
        await page.route("**/folders/listnames*", lambda route: requests.put_nowait(route), times=1)
        await page.get_by_role("button", name=f"New {item}").first.click()
        await page.get_by_label("Id", exact=True).fill("early")
        await page.keyboard.press("Enter")
        await (await requests.get()).continue_()
        await page.wait_for_url(f"**/{path}")


async def test_empty_workflow_is_draft_until_deployed(page: Page, site: Site) -> None:
    await page.goto("/w/main")
    await _asked(page)
    # What is typed replaces the suggested name.
    await expect(page.get_by_label("Name", exact=True)).to_be_focused()
    await page.keyboard.type("Greet: everybody")
    await expect(page.get_by_label("Id", exact=True)).to_have_value("greet_everybody")
    path = await _made(page)
    await expect(page.get_by_role("heading", name="Greet: everybody")).to_be_visible()
    await page.get_by_role("main").get_by_role("button", name="Add a node").last.click()
    await add(page, "Identity")
    await draft_saved(page)
    assert site.client.get(f"/api/w/main/flows/get/{path}").status_code == 404
    await page.reload()
    await expect(node(page, "pass")).to_be_visible()
    await page.get_by_role("link", name="Workflows", exact=True).click()
    row = page.get_by_role("listitem").filter(has_text=path)
    await expect(row).to_contain_text("Draft, not deployed")
    await expect(row.get_by_role("link", name="Greet: everybody")).to_be_visible()
    await row.get_by_role("link").first.click()
    await page.get_by_role("button", name="Workflow settings").click()
    await page.get_by_label("Labels").fill("shop, greetings")
    await deploy(page, "The first version")
    assert flow(site, path)["labels"] == ["shop", "greetings"]
    assert flow(site, path)["source"]["text"].startswith('summary: "Greet: everybody"\nvalue:\n')
    assert site.client.get(f"/api/w/main/drafts/flow/{path}").json() is None
    await page.get_by_role("link", name="Workflows", exact=True).click()
    await expect(row).to_contain_text("Greet: everybody")
    await expect(row).not_to_contain_text("Draft")


@pytest.mark.extended
async def test_template_is_previewed_and_keeps_comments(page: Page, site: Site) -> None:
    await page.goto("/w/main")
    await _asked(page)
    await expect(page.get_by_role("dialog").locator("svg rect")).not_to_have_count(0)
    await page.get_by_role("radio", name="Import rows and report what failed").check()
    await expect(page.get_by_label("Id", exact=True)).to_have_value("batch_import")
    path = await _made(page)
    await expect(node(page, "rows")).to_be_visible()
    await page.get_by_role("button", name="No problems").wait_for()
    await deploy(page, "")
    text = flow(site, path)["source"]["text"]
    assert text == site.client.get("/api/w/main/templates/get/batch_import").json()["source"]["text"]
    assert text.startswith("# Row by row")


@pytest.mark.extended
async def test_taken_path_is_reported_and_free_one_suggested(page: Page, site: Site) -> None:
    await page.goto("/w/main")
    site.deploy("f/taken/csv_report", "value: {modules: []}\n")
    await page.reload()
    await _asked(page)
    await page.get_by_role("combobox", name="Folder").select_option("f/taken")
    await page.get_by_role("radio", name="Report from a CSV file").check()
    await page.get_by_role("combobox", name="Folder").select_option("f/taken")
    await expect(page.get_by_label("Id", exact=True)).to_have_value("csv_report_2")
    await page.get_by_label("Id", exact=True).fill("csv_report")
    await expect(page.get_by_role("alert")).to_contain_text("already used")
    await page.get_by_role("button", name="Create workflow").click()
    await expect(page.get_by_role("dialog")).to_be_visible()


async def test_workflow_is_created_with_keyboard_only(page: Page, site: Site) -> None:
    await page.goto("/w/main")
    await page.get_by_role("button", name="New workflow").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Name", exact=True)).to_be_focused()
    await expect(page.get_by_role("radio")).to_have_count(1 + len(TEMPLATES))
    await page.keyboard.press("Shift+Tab")
    await expect(page.get_by_role("radio", name="Blank")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("radio").nth(1)).to_be_checked()
    await expect(page.get_by_role("button", name="Create workflow")).to_be_enabled()
    name = await page.get_by_label("Id", exact=True).input_value()
    assert name.startswith(TEMPLATES[0])
    await page.get_by_label("Id", exact=True).focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/workflows/**/{name}")
    await expect(page.locator(".react-flow__node").first).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), ONE_LOOK)
async def test_dialog_is_accessible_in_each_theme(page: Page, scheme: Literal["light", "dark"], width: int) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.set_viewport_size({"width": width, "height": 900})
    await page.goto("/w/main/workflows?new=1")
    await expect(page.get_by_role("dialog").locator("svg rect")).not_to_have_count(0)
    await check(page)


async def test_empty_workspace_offers_the_examples(page: Page, site: Site) -> None:
    created = {"id": "no-examples", "name": "No examples"}
    assert site.client.post("/api/workspaces/create", json=created).is_success
    await page.goto("/w/no-examples/workflows")
    await page.get_by_role("button", name="Create the examples").click()
    links = page.get_by_role("main").get_by_role("link")
    for name in ("Processing of an order", "Receipt of an order"):
        await expect(links.filter(has_text=name)).to_have_count(1)
    for name in EXAMPLES:
        assert site.client.get(f"/api/w/no-examples/flows/get/f/examples/{name}").is_success
    await page.goto("/w/no-examples/workflows?show=favourites")
    await page.get_by_role("heading", name="No matches").wait_for()
    await expect(page.get_by_text("contains")).to_have_count(0)
    await page.get_by_role("button", name="Clear filters").click()
    await expect(links.filter(has_text="Receipt of an order")).to_have_count(1)
