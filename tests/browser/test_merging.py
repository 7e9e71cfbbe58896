"""Conflicts of a draft: merged node by node with the draft of another page, or with a newly deployed version."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.async_api import Locator, Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check
from tests.browser.test_editing import LIST, deploy, draft_saved, flow, node, opened

pytestmark = pytest.mark.extended


def part(page: Page, name: str) -> Locator:
    return page.get_by_label("Differences", exact=True).get_by_role("group", name=name)


def deployed_meanwhile(site: Site, path: str, source: str) -> None:
    body = {"source": {"format": "yaml", "text": source}, "deployment_message": "Meanwhile"}
    assert site.client.post(f"/api/w/main/flows/update/{path}", json=body).status_code == 200


async def test_two_pages_on_one_draft_are_merged_and_the_merge_is_undone(page: Page, site: Site) -> None:
    path = await opened(page, site, query="?panel=node&node=one")
    other = await page.context.new_page()
    await other.goto(f"/w/main/workflows/{path}?panel=node&node=two")
    await expect(node(other, "two")).to_be_visible()
    await page.get_by_role("textbox", name="Name", exact=True).fill("Of this page")
    await draft_saved(page)
    await other.get_by_role("textbox", name="Name", exact=True).fill("Of the other")
    await other.get_by_role("button", name="Merge…").click()
    await expect(part(other, "one").get_by_label("Theirs")).to_be_checked()
    await expect(part(other, "one")).to_contain_text("Changed by them")
    await expect(part(other, "two").get_by_label("Mine")).to_be_checked()
    await other.get_by_role("button", name="Merge", exact=True).click()
    await draft_saved(other)
    stored = site.client.get(f"/api/w/main/drafts/flow/{path}").json()["value"]["source"]["text"]
    assert "Of the other" in stored and "Of this page" in stored and "# The first one." in stored
    await other.get_by_role("button", name="Undo: Merge with the other page").click()
    await expect(node(other, "one")).not_to_contain_text("Of this page")
    await expect(node(other, "two")).to_contain_text("Of the other")


async def test_concurrent_deployment_is_merged_and_deployed(page: Page, site: Site) -> None:
    path = await opened(page, site, query="?panel=node&node=two")
    theirs = LIST.replace("{id: one, value", "{id: one, summary: Theirs, value").replace(
        "content: echo 3", "content: echo 4"
    )
    deployed_meanwhile(site, path, theirs)
    await page.get_by_role("textbox", name="Name", exact=True).fill("Mine")
    await node(page, "three").click()
    await page.get_by_role("textbox", name="Name", exact=True).fill("The third of mine")
    await draft_saved(page)
    await page.get_by_role("button", name="Deploy").click()
    await page.get_by_role("dialog").get_by_role("button", name="Deploy").click()
    await expect(page.get_by_role("alert")).to_contain_text("A new version was deployed after")
    await page.reload()
    await page.get_by_role("button", name="Merge…").click()
    await expect(part(page, "three")).to_contain_text("Changed by both")
    await expect(part(page, "three").get_by_label("Mine")).to_be_checked()
    await expect(page.get_by_label("Text with differences")).to_contain_text("The third of mine")
    await part(page, "three").get_by_label("Theirs").check()
    await page.get_by_role("button", name="Merge", exact=True).click()
    await expect(node(page, "one")).to_contain_text("Theirs")
    await expect(node(page, "two")).to_contain_text("Mine")
    await expect(page.get_by_role("alert")).to_have_count(0)
    await deploy(page, "Both")
    text = flow(site, path)["source"]["text"]
    assert "echo 4" in text and "summary: Mine" in text and "The third" not in text and "# Said at the top." in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_merge_is_accessible_by_keyboard(page: Page, site: Site, scheme: Literal["light", "dark"]) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    path = await opened(page, site, query="?panel=node&node=two")
    await page.get_by_role("textbox", name="Name", exact=True).fill("Mine")
    await draft_saved(page)
    deployed_meanwhile(site, path, LIST.replace("id: two\n", "id: two\n      summary: Theirs\n"))
    await page.reload()
    await page.get_by_role("button", name="Merge…").click()
    await page.get_by_label("Text with differences").wait_for()
    for width in (1440, 360):
        await page.set_viewport_size({"width": width, "height": 900})
        await check(page)
    await part(page, "two").get_by_label("Mine").focus()
    await page.keyboard.press("ArrowDown")
    await expect(part(page, "two").get_by_label("Theirs")).to_be_checked()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
