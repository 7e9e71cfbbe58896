"""Versions of a workflow: list, comparison as graph and text, restore as a draft."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.async_api import Locator, Page, expect
from tests.browser.conftest import ONE_LOOK, Site
from tests.browser.test_accessibility import check
from tests.browser.test_editing import deploy, flow, node

pytestmark = pytest.mark.extended

PATH = "f/versions/orders"
PAGE = f"/w/main/workflows/{PATH}?view=versions"
FIRST = """# Orders.
summary: Orders
value:
  modules:
    - {id: take, value: {type: identity}}
    - {id: look, value: {type: identity}}
    - {id: book, summary: Book it, value: {type: identity}}
"""
SECOND = FIRST.replace("    - {id: look, value: {type: identity}}\n", "").replace("Book it", "Book the order") + (
    "    - {id: tell, value: {type: delay, seconds: {type: static, value: 1}}}\n"
)


@pytest.fixture(scope="module")
def orders(site: Site) -> None:
    site.deploy(PATH, FIRST)
    body = {"source": {"format": "yaml", "text": SECOND}, "deployment_message": "Tell, do not look"}
    assert site.client.post(f"/api/w/main/flows/update/{PATH}", json=body).status_code == 200


def versions(page: Page) -> Locator:
    return page.get_by_label("Versions", exact=True).get_by_role("listitem")


@pytest.mark.usefixtures("orders")
async def test_two_versions_are_compared_on_one_graph(page: Page) -> None:
    await page.goto(PAGE)
    await expect(versions(page)).to_have_count(2)
    await expect(versions(page).first).to_contain_text("Tell, do not look")
    await expect(versions(page).first).to_contain_text("admin")
    await expect(node(page, "tell")).to_contain_text("Added")
    await expect(node(page, "look")).to_contain_text("Removed")
    await expect(node(page, "book")).to_contain_text("Changed")
    await expect(node(page, "take")).not_to_contain_text("Changed")
    for edge in ("take look removed", "look book removed", "take book moved", "book tell added"):
        await expect(page.locator(f'[data-edge="{edge}"]')).to_have_count(1)
    differences = page.get_by_label("Differences", exact=True).get_by_role("listitem")
    await expect(differences.filter(has_text="book").filter(has_text="summary")).to_have_count(1)
    # The changes of a node are shown from its line, and from the graph.
    await differences.filter(has_text="book").get_by_role("button", name="book summary").click()
    dialog = page.get_by_role("dialog", name="Changes of book")
    await expect(dialog.get_by_label("Text before")).to_contain_text("summary: Book it")
    await expect(dialog.get_by_label("Text after")).to_contain_text("summary: Book the order")
    await expect(dialog).not_to_contain_text("id: take")
    await dialog.get_by_role("button", name="Close").click()
    await node(page, "take").click()
    await node(page, "look").click()
    await expect(page.get_by_role("dialog", name="Changes of look").get_by_label("Text before")).to_contain_text(
        "id: look"
    )
    await page.keyboard.press("Escape")
    await page.get_by_label("Compare from").select_option("Version 2")
    await page.get_by_label("Compare to").select_option("Version 1")
    await expect(node(page, "look")).to_contain_text("Added")
    assert "before=" in page.url and "after=" in page.url
    await page.reload()
    await expect(node(page, "look")).to_contain_text("Added")


@pytest.mark.usefixtures("orders")
async def test_comparison_includes_comments(page: Page) -> None:
    await page.goto(PAGE)
    await page.get_by_role("button", name="Text", exact=True).click()
    text = page.get_by_label("Text comparison")
    await expect(text.get_by_label("Text before")).to_contain_text("look")
    await expect(text.get_by_label("Text after")).to_contain_text("tell")
    assert "as=text" in page.url
    await page.set_viewport_size({"width": 360, "height": 800})
    await page.reload()
    await expect(text.get_by_label("Text with differences")).to_contain_text("# Orders.")


@pytest.mark.usefixtures("orders")
async def test_versions_are_searched_and_walked_by_keyboard(page: Page) -> None:
    await page.goto(PAGE)
    await versions(page).first.get_by_role("button").focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("This is the first version.")).to_be_visible()
    await page.get_by_label("Search versions").fill("do not")
    await expect(versions(page)).to_have_count(1)
    await page.get_by_label("Search versions").fill("nowhere")
    await expect(page.get_by_text("No message or author contains")).to_be_visible()


async def test_old_version_is_restored_as_draft_and_deployed(page: Page, site: Site) -> None:
    path = "f/versions/back"
    site.deploy(path, FIRST)
    site.client.post(f"/api/w/main/flows/update/{path}", json={"source": {"format": "yaml", "text": SECOND}})
    await page.goto(f"/w/main/workflows/{path}?view=versions")
    await versions(page).last.get_by_role("button").first.click()
    await page.get_by_role("button", name="Restore as draft").click()
    await expect(node(page, "look")).to_be_visible()
    await page.get_by_role("button", name="Undo: Restore version 1").click()
    await expect(node(page, "look")).to_have_count(0)
    await page.get_by_role("button", name="Redo: Restore version 1").click()
    await page.get_by_role("link", name="Versions").click()
    await expect(versions(page).first).to_contain_text("Your draft")
    await expect(node(page, "look")).to_contain_text("Added")
    await page.keyboard.press("Delete")
    await deploy(page, "As it was")
    assert flow(site, path)["source"]["text"] == FIRST
    await expect(versions(page)).to_have_count(3)
    await expect(versions(page).first).to_contain_text("As it was")


async def test_version_is_restored_from_the_list(page: Page, site: Site) -> None:
    """The deployed version is not offered while there is no draft."""
    path = "f/versions/listed"
    site.deploy(path, FIRST)
    site.client.post(f"/api/w/main/flows/update/{path}", json={"source": {"format": "yaml", "text": SECOND}})
    await page.goto(f"/w/main/workflows/{path}?view=versions")
    restore = page.get_by_role("button", name="as draft")
    await expect(versions(page).last.get_by_role("button", name="Restore version 1 as draft")).to_be_visible()
    await expect(versions(page).first.get_by_role("button", name="as draft")).to_have_count(0)
    await versions(page).last.get_by_role("button", name="Restore version 1 as draft").click()
    await expect(page.get_by_text("Version 1 is now your draft.")).to_be_visible()
    await expect(node(page, "look")).to_be_visible()
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await page.get_by_role("link", name="Versions").click()
    await expect(restore).to_have_count(2)
    await versions(page).last.get_by_role("button", name="Restore version 1 as draft").click()
    await expect(page.get_by_text("The page already has the text of version 1.")).to_be_visible()
    await versions(page).nth(1).get_by_role("button", name="Restore version 2 as draft").click()
    await expect(node(page, "tell")).to_be_visible()
    assert flow(site, path)["source"]["text"] == SECOND


async def test_undeployed_workflow_explains_versions(page: Page, site: Site) -> None:
    source = {"source": {"format": "yaml", "text": FIRST}}
    site.client.put("/api/w/main/drafts/flow/f/versions/none", json={"value": source})
    await page.goto("/w/main/workflows/f/versions/none?view=versions")
    await expect(page.get_by_role("heading", name="No versions yet")).to_be_visible()


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize(("scheme", "width"), ONE_LOOK)
async def test_versions_are_readable_everywhere(page: Page, scheme: Literal["light", "dark"], width: int) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.set_viewport_size({"width": width, "height": 900})
    await page.goto(PAGE)
    await expect(node(page, "tell")).to_be_visible()
    await check(page)
    await page.goto(f"{PAGE}&as=text")
    await page.get_by_label("Text comparison").locator(".cm-content").first.wait_for()
    await check(page)


async def test_versions_show_edges_of_condition(page: Page, site: Site) -> None:
    path = "f/versions/checked"
    text = """value:
  modules:
    - {id: check, value: {type: condition, expr: flow_input.large === true}}
    - {id: approval, needs: [{node: check, on: "true"}], value: {type: approval}}
    - {id: total, needs: [{node: check, on: "false"}], value: {type: identity}}
"""
    site.deploy(path, text)
    await page.goto(f"/w/main/workflows/{path}?view=versions")
    for edge in ("check approval same", "check total same"):
        await expect(page.locator(f'[data-edge="{edge}"]')).to_have_count(1)
    await expect(page.locator(".react-flow__edge")).to_have_count(2)
    # The icons have the colours of the graph.
    families = page.locator(".react-flow__node [data-family]")
    assert sorted(await families.evaluate_all("all => all.map(each => each.dataset.family)")) == [
        "control",
        "control",
        "person",
    ]
