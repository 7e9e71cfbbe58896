"""Notes, groups and positions: parts of the canvas that have no effect on runs."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, TimeoutError, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import LIST, draft_saved, node, opened

pytestmark = pytest.mark.extended


def stored(site: Site, path: str) -> str:
    return str(site.client.get(f"/api/w/main/drafts/flow/{path}").json()["value"]["source"]["text"])


async def drag(page: Page, selector: str, dx: int, dy: int) -> None:
    """Drag an element from its middle with the mouse, once it is visible and keeps its place."""
    element = page.locator(selector)
    await element.hover()
    box = await element.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.down()
    await page.mouse.move(x + dx / 2, y + dy / 2, steps=3)
    await page.mouse.move(x + dx, y + dy, steps=3)
    await page.mouse.up()


async def test_note_is_written_moved_copied_and_undone(page: Page, site: Site) -> None:
    path = await opened(page, site)
    await page.keyboard.press("Shift+S")
    await page.get_by_label("Text", exact=True).fill("Ask Ada first")
    await page.get_by_label("green").check()
    note = page.locator(".react-flow__node-note")
    await expect(note).to_have_text("Ask Ada first")
    await drag(page, ".react-flow__node-note", -300, 40)
    await expect(page.get_by_role("button", name="Undo: Move note")).to_be_visible()
    await page.locator("[data-canvas]").press("Control+d")
    await expect(note).to_have_count(2)
    await draft_saved(page)
    text = stored(site, path)
    assert text.startswith(LIST.rstrip("\n")) and text.count("Ask Ada first") == 2 and "color: green" in text
    await page.get_by_role("button", name="Undo: Duplicate").click()
    await page.get_by_role("button", name="Undo: Move note").click()
    await page.get_by_role("button", name="Undo: Change note colour").click()
    await page.get_by_role("button", name="Undo: Edit note").click()
    await page.get_by_role("button", name="Undo: Add note").click()
    await expect(note).to_have_count(0)
    await expect(page.get_by_role("status").filter(has_text="Deployed")).to_be_visible()


async def test_selected_nodes_are_grouped_named_and_moved_together(page: Page, site: Site) -> None:
    path = await opened(page, site)
    await node(page, "one").click()
    await page.locator("[data-canvas]").press("Shift+ArrowDown")
    await page.get_by_role("toolbar", name="Selection").get_by_role("button", name="Group").click()
    await page.get_by_label("Name", exact=True).fill("Preparation")
    await expect(page.locator(".react-flow__node-frame")).to_contain_text("Preparation")
    await drag(page, "[data-frame-head]", 120, 60)
    await expect(page.get_by_role("button", name="Undo: Move 2 nodes")).to_be_visible()
    await draft_saved(page)
    text = stored(site, path)
    assert "start_id: one" in text and "end_id: two" in text and "summary: Preparation" in text
    await page.get_by_role("button", name="Fold Preparation", exact=True).click()
    await expect(node(page, "one")).to_have_count(0)
    await expect(page.locator(".react-flow__node-folded")).to_contain_text("2 nodes")
    await expect(page.locator(".react-flow__edge")).to_have_count(1)
    # Selecting a node in the outline unfolds its group until another node is selected.
    await page.get_by_role("button", name="Outline").click()
    await page.get_by_role("treeitem").filter(has_text="two").click()
    await expect(node(page, "two")).to_be_visible()
    await page.get_by_role("treeitem").filter(has_text="three").click()
    await expect(node(page, "two")).to_have_count(0)
    await draft_saved(page)
    assert "collapsed: true" in stored(site, path)
    await page.get_by_role("button", name="Unfold Preparation", exact=True).click()
    await expect(node(page, "one")).to_be_visible()
    await draft_saved(page)
    assert "collapsed" not in stored(site, path)
    await page.locator("[data-frame-head]").click()
    await page.locator("[data-canvas]").press("Control+Shift+g")
    await expect(page.locator(".react-flow__node-frame")).to_have_count(0)
    await expect(page.locator(".react-flow__node.selected")).to_have_count(2)


async def test_nodes_are_selected_by_a_box_and_aligned_and_tidied(page: Page, site: Site) -> None:
    path = await opened(page, site)
    await drag(page, '.react-flow__node[data-id="two"]', 260, 10)
    await expect(page.get_by_role("button", name="Undo: Move two")).to_be_visible()
    canvas = await page.locator("[data-canvas]").bounding_box()
    assert canvas
    await page.keyboard.down("Shift")
    await page.mouse.move(canvas["x"] + 60, canvas["y"] + 60)
    await page.mouse.down()
    await page.mouse.move(canvas["x"] + canvas["width"] - 60, canvas["y"] + canvas["height"] - 60, steps=4)
    await page.mouse.up()
    await page.keyboard.up("Shift")
    await expect(page.locator(".react-flow__node.selected")).to_have_count(3)
    await page.get_by_role("toolbar", name="Selection").get_by_role("button", name="Align left").click()
    await page.wait_for_function("""() => {
        const nodes = [...document.querySelectorAll('.react-flow__node-card')];
        return new Set(nodes.map(node => new DOMMatrix(node.style.transform).e)).size === 1;
    }""")
    await draft_saved(page)
    assert stored(site, path).count(" x: ") == LIST.count(" x: ") + 3
    await page.locator("[data-canvas]").press("Shift+Alt+t")
    await expect(page.get_by_role("button", name="Undo: Tidy up")).to_be_visible()
    # The draft is identical to the deployed version again.
    await expect(page.get_by_role("status").filter(has_text="Deployed")).to_be_visible()


async def test_tidying_up_lets_nodes_glide(page: Page, site: Site) -> None:
    await page.emulate_media(reduced_motion="no-preference")
    await opened(page, site)
    await drag(page, '.react-flow__node[data-id="two"]', 260, 10)
    await expect(page.get_by_role("button", name="Undo: Move two")).to_be_visible()
    # Before tidying up, a moved node keeps its position, also after other changes.
    place = "document.querySelector('.react-flow__node[data-id=\"two\"]').style.transform"
    moved = await page.evaluate(place)
    await page.locator("[data-canvas]").press("d")
    await draft_saved(page)
    await page.reload()
    await expect(node(page, "two")).to_be_visible()
    assert await page.evaluate(place) == moved
    await page.evaluate("""() => {
        const moved = document.querySelector('.react-flow__node[data-id="two"]');
        window.seen = new Set();
        new MutationObserver(() => window.seen.add(moved.style.transform)).observe(moved, {attributes: true});
    }""")
    undo = page.get_by_role("button", name="Undo: Tidy up")
    # A start, an end, and at least one position between them; a busy machine may draw no frame between them.
    for _ in range(20):
        await page.evaluate("window.seen.clear()")
        await page.locator("[data-canvas]").press("Shift+Alt+t")
        await expect(undo).to_be_visible()
        try:
            await page.wait_for_function("() => window.seen.size >= 3", timeout=2000)
        except TimeoutError:
            await undo.click()
        else:
            return
    raise AssertionError("no position between start and end was drawn")


async def test_node_kind_is_dragged_from_palette(page: Page, site: Site) -> None:
    path = await opened(page, site)
    await page.keyboard.press("a")
    await page.get_by_label("Search nodes").fill("delay")
    await page.locator("[data-offer=delay]").drag_to(page.locator('[data-edge^="one two"]'))
    await expect(node(page, "wait")).to_be_visible()
    await expect(page.locator(".react-flow__edge")).to_have_count(3)
    await page.get_by_label("Search nodes").fill("")
    await page.locator("[data-offer=integration-mail]").drag_to(
        page.locator("[data-canvas]"), target_position={"x": 90, "y": 90}
    )
    await expect(node(page, "mail")).to_be_visible()
    await expect(page.locator(".react-flow__edge")).to_have_count(3)
    await draft_saved(page)
    text = stored(site, path)
    assert text.index("id: one") < text.index("id: wait") < text.index("id: two")
    assert "needs: []" in text and "x: " in text
    # Kinds of nodes are listed before integrations, which consist of them.
    await page.get_by_label("Search nodes").fill("sql query")
    offers = page.locator("[data-offer]")
    await expect(offers.first).to_have_attribute("data-offer", "postgresql")
    await expect(offers.last).to_have_attribute("data-offer", "integration-query")
    # The form of an integration is derived from the parameters of its code, and shown above it.
    await node(page, "mail").click()
    panel = page.get_by_role("complementary", name="Node")
    await expect(panel.get_by_text("subject", exact=True)).to_be_visible()
    await expect(panel).to_have_text(re.compile(r"Inputs.*subject.*Code", re.DOTALL))
    await page.locator("[data-canvas]").press("n")
    await page.get_by_role("dialog").get_by_role("combobox").fill("sql query")
    await expect(page.get_by_role("option").first).to_contain_text("PostgreSQL")


async def test_drops_on_the_head_of_a_loop_belong_to_the_loop(page: Page, site: Site) -> None:
    inner = "[{id: b, value: {type: identity}}]"
    body = f"value: {{type: forloopflow, iterator: {{type: static, value: [1]}}, modules: {inner}}}"
    source = f"value:\n  modules:\n    - {{id: a, value: {{type: identity}}}}\n    - {{id: each, needs: [], {body}}}\n"
    await opened(page, site, source, "?panel=palette")
    head = node(page, "each").locator("header")
    await node(page, "a").locator(".react-flow__handle.source").drag_to(head)
    await expect(page.locator('[data-edge^="a each"]')).to_be_visible()
    await page.locator("[data-offer=delay]").drag_to(head)
    await expect(page.locator('[data-edge^="each wait"]')).to_be_visible()


async def test_minimap_appears_from_fifteen_nodes(page: Page, site: Site) -> None:
    nodes = "".join(f"    - {{id: n{number}, value: {{type: identity}}}}\n" for number in range(15))
    await opened(page, site, f"value:\n  modules:\n{nodes}")
    await expect(page.locator(".react-flow__minimap")).to_be_visible()
    await page.keyboard.press("v")
    await expect(page.locator(".react-flow__minimap")).to_have_count(0)
