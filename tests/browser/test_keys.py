"""Keyboard shortcuts of the workflow editor: all keys of the guide, the clipboard across pages, search."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, expect
from tests.browser.conftest import ROOT, Site
from tests.browser.test_arranging import drag
from tests.browser.test_editing import draft_saved, node, opened

pytestmark = pytest.mark.extended

STEPS = """value:
  modules:
    - {id: one, value: {type: rawscript, language: bash, content: echo 1; echo 41, input_transforms: {}}}
    - id: two
      value:
        type: rawscript
        language: bash
        content: |
          n="$1"
          echo "got $n"
        input_transforms: {n: {type: javascript, expr: results.one}}
    - {id: three, value: {type: identity}}
    - id: each
      value:
        type: forloopflow
        iterator: {type: static, value: [1]}
        skip_failures: false
        modules: [{id: inner, value: {type: identity}}]
  output: {type: javascript, expr: results.two}
"""
GUIDE = (ROOT / "docs" / "reference" / "keys.md").read_text()
TABLE = re.findall(r"`([^`]+)`", "".join(row.split("|")[1] for row in GUIDE.splitlines() if row.startswith("| `")))
ARROWS = {"Up", "Down", "Left", "Right"}


class Keys:
    """Presses keys by their names in the guide, with no focus on an input."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pressed: set[str] = set()

    async def __call__(self, *keys: str) -> None:
        for key in keys:
            self.pressed.add(key)
            words = [f"Arrow{word}" if word in ARROWS else word.replace("Ctrl", "Control") for word in key.split(" ")]
            await self.page.evaluate("document.activeElement.blur()")
            await self.page.keyboard.press("+".join(words))

    async def at(self, id: str, *keys: str) -> None:
        """Select a node and press keys."""
        await node(self.page, id).click(position={"x": 12, "y": 12})
        await self(*keys)

    async def ask(self, key: str, what: Locator) -> None:
        """Press a key that opens a dialog or field, and close that again."""
        await self(key)
        await expect(what).to_be_visible()
        await self.page.keyboard.press("Escape")
        await expect(what).to_have_count(0)


async def selected(page: Page, *ids: str) -> None:
    chosen = page.locator(".react-flow__node.selected")
    await expect(chosen).to_have_count(len(ids))
    for id in ids:
        await expect(node(page, id)).to_contain_class("selected")


async def scale(page: Page, factor: str) -> None:
    await expect(page.locator(".react-flow__viewport")).to_have_attribute(
        "style", re.compile(rf"scale\({re.escape(factor)}\)")
    )


async def test_every_shortcut_matches_guide(page: Page, site: Site) -> None:
    await page.emulate_media(reduced_motion="reduce")
    path = await opened(page, site, STEPS)
    press = Keys(page)
    await walk(page, press)
    await compose(page, press)
    await look(page, press)
    await run(page, press)
    await press("Ctrl s")
    await expect(page.get_by_text("The draft is saved.")).to_be_visible()
    stored = site.client.get(f"/api/w/main/drafts/flow/{path}").json()["value"]["source"]["text"]
    assert "skip_if" in stored
    await press.ask("Ctrl Shift s", page.get_by_label("What changed?"))
    assert len(TABLE) > 50 and press.pressed >= set(TABLE)


async def walk(page: Page, press: Keys) -> None:
    for id, key, ids in (
        ("one", "Down", ["two"]),
        ("two", "Up", ["one"]),
        ("one", "Right", ["two"]),
        ("two", "Left", ["one"]),
        ("one", "Shift Down", ["one", "two"]),
        ("three", "Shift Up", ["two", "three"]),
        ("one", "Shift Right", ["one", "two"]),
        ("three", "Shift Left", ["two", "three"]),
        ("three", "Shift Alt Up", ["one", "two", "three"]),
        ("two", "Shift Alt Down", ["two", "three", "each"]),
        ("two", "Ctrl a", ["one", "two", "three", "each"]),
        ("two", "Escape", []),
    ):
        await press.at(id, key)
        await selected(page, *ids)


async def compose(page: Page, press: Keys) -> None:
    """Press each key that changes the workflow, and undo the change before the next."""
    two, edges = node(page, "two"), page.locator(".react-flow__edge")
    asked = page.get_by_placeholder("Add a node")
    await press.ask("n", asked)
    await press.at("each")
    await press.ask("Shift N", asked)
    await node(page, "one").click(position={"x": 12, "y": 12})
    await press.ask("r", page.get_by_role("dialog", name="Replace one with"))
    await press.at("one", "c")
    await page.get_by_placeholder("Select the next node").fill("three")
    await page.get_by_role("option", name="three").first.wait_for()
    await page.keyboard.press("Enter")
    connected = page.locator('[data-edge^="one three"]')
    await expect(connected).to_have_count(1)
    for undo, redo in (("Ctrl z", "Ctrl Shift z"), ("Ctrl z", "Ctrl y")):
        await press(undo)
        await expect(connected).to_have_count(0)
        await press(redo)
        await expect(connected).to_have_count(1)
    await press("Ctrl z")
    for key, joined in (("Delete", 1), ("Backspace", 1), ("Shift Delete", 0)):
        await press.at("two", key)
        await expect(two).to_have_count(0)
        await expect(connected).to_have_count(joined)
        await press("Ctrl z")
        await expect(two).to_be_visible()
    before = await edges.count()
    await press.at("two", "Ctrl c", "Ctrl v")
    await expect(node(page, "two_2")).to_be_visible()
    await press("Ctrl x")
    await expect(node(page, "two_2")).to_have_count(0)
    await press("Ctrl v")
    await expect(node(page, "two_2")).to_be_visible()
    await press("Ctrl z")
    await press.at("two", "Ctrl d")
    await expect(page.get_by_role("button", name="Undo: Duplicate")).to_be_visible()
    await press("Ctrl z")
    await expect(edges).to_have_count(before)
    await press("Shift S")
    await expect(page.locator(".react-flow__node-note")).to_have_count(1)
    await press("Ctrl z")
    await press.at("one", "Shift Down", "Ctrl g")
    frame = page.locator(".react-flow__node-frame")
    await expect(frame).to_have_count(1)
    await page.locator("[data-frame-head]").click()
    await press("Ctrl Shift g")
    await expect(frame).to_have_count(0)
    # A right click opens the commands of a node, like the menu key at the focused node.
    await node(page, "three").click(button="right", position={"x": 12, "y": 12})
    await selected(page, "three")
    await page.get_by_role("menu", name="Commands of the node").get_by_role("menuitem", name="Disable").click()
    await expect(page.get_by_role("button", name="Undo: Disable three")).to_be_visible()
    await press("Ctrl z")
    # Enter moves the focus into the panel, Escape back to the graph.
    await press.at("three", "Enter")
    await expect(page.get_by_role("tab", name="Settings")).to_be_focused()
    await page.get_by_label("Id", exact=True).press("Escape")
    await expect(node(page, "three")).to_be_focused()
    await expect(page.get_by_label("Id", exact=True)).to_have_value("three")
    await press("F2")
    await expect(page.get_by_label("Id", exact=True)).to_be_focused()
    await press("d")
    await expect(page.get_by_role("button", name="Undo: Disable three")).to_be_visible()


async def look(page: Page, press: Keys) -> None:
    await press("0")
    await scale(page, "1")
    for key, factor in (("+", "1.25"), ("=", "1.5625"), ("-", "1.25"), ("-", "1")):
        await press(key)
        await scale(page, factor)
    await press("+", "+", "1")
    await expect(page.locator(".react-flow__viewport")).not_to_have_attribute("style", re.compile(r"scale\(1.5625\)"))
    for id in ("one", "each"):
        await expect(node(page, id)).to_be_in_viewport(ratio=0.99)
    overview = page.locator(".react-flow__minimap")
    await expect(overview).to_have_count(0)
    await press("v")
    await expect(overview).to_be_visible()
    await press("v")
    # Below a zoom of 50 %, a node shows its icon and its name, in larger letters.
    await press("Escape", "0")
    await expect(page.get_by_role("complementary")).to_have_count(0)
    await expect(node(page, "one").get_by_text("Bash", exact=True)).to_be_visible()
    await press("-", "-", "-", "-")
    await expect(node(page, "one").get_by_text("Bash", exact=True)).to_be_hidden()
    await expect(node(page, "one").get_by_text("one", exact=True)).to_have_css("font-size", "22px")
    await press("1")
    await expect(node(page, "one").get_by_text("Bash", exact=True)).to_be_visible()
    await expect(node(page, "two")).to_be_in_viewport(ratio=0.99)
    await drag(page, '.react-flow__node[data-id="two"]', 600, 10)
    await expect(page.get_by_role("button", name="Undo: Move two")).to_be_visible()
    # A graph that fits the view still fits next to a panel.
    await press("1", "y")
    await expect(page.get_by_label("YAML of the workflow")).to_be_visible()
    for id in ("one", "two"):
        await expect(node(page, id)).to_be_in_viewport(ratio=0.99)
    await press("y")
    await press("Shift Alt t")
    await expect(page.get_by_role("button", name="Undo: Tidy up")).to_be_visible()
    for key, what in (
        ("w", page.get_by_role("region", name="Workflow input")),
        ("a", page.get_by_label("Search nodes")),
        ("t", page.get_by_role("tree", name="Nodes")),
        ("y", page.get_by_label("YAML of the workflow")),
        ("m", page.get_by_label("Problems", exact=True)),
    ):
        await press(key)
        await expect(what).to_be_visible()
    await press.ask("Ctrl f", page.get_by_role("dialog"))
    await press("?")
    listed = page.get_by_role("dialog", name="Keyboard shortcuts").locator("kbd")
    await expect(listed).to_have_count(len(TABLE))
    await page.get_by_role("dialog").get_by_role("button", name="Close").click()
    await expect(listed).to_have_count(0)
    # The palette lists all commands, nodes and workflows.
    await press("Ctrl k")
    await page.get_by_placeholder("Search commands, nodes and workflows").fill("three")
    await page.get_by_role("option", name="three").first.click()
    await selected(page, "three")
    await press("Ctrl k")
    for word in ("Align left", "Tidy up", "Processing of an order"):
        await page.get_by_placeholder("Search commands, nodes and workflows").fill(word)
        await expect(page.get_by_role("option", name=word).last).to_be_visible()
    await page.keyboard.press("Escape")


async def run(page: Page, press: Keys) -> None:
    await press("Ctrl Enter")
    await expect(page.locator('[data-result="Workflow result"]')).to_have_text('"got 41"')
    await expect(page.get_by_role("group", name="Bash node one, succeeded", exact=True)).to_be_visible()
    await press("v")
    await expect(page.locator(".react-flow__minimap rect[data-tone=good]").first).to_be_visible()
    await press("v")
    await press.at("two", "i")
    await expect(page.get_by_role("region", name="Input of two")).to_be_focused()
    await expect(page.locator('[data-result="Input of two"]')).to_contain_text('"n": "41"')
    # Fit the graph again, which the wider panel has moved.
    await press("1")
    await press.at("one", "l")
    await expect(page.get_by_role("region", name="Logs of one")).to_be_focused()
    await expect(page.get_by_role("region", name="Logs of one")).to_contain_text("1")
    await press("o")
    await expect(page.get_by_role("region", name="Output of one")).to_be_focused()
    await press.at("two", "Shift Enter")
    await expect(page.get_by_label("Test of two").locator('[data-result="Output of two"]')).to_have_text('"got 41"')
    await press("p")
    await expect(node(page, "two").get_by_title("Pinned")).to_be_visible()


async def test_search_in_code_opens_matching_node(page: Page, site: Site) -> None:
    await opened(page, site)
    await page.keyboard.press("Control+f")
    await page.get_by_placeholder("Find in ids").fill("echo 3")
    await expect(page.get_by_role("option")).to_have_text(["$_threeecho 3"])
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Id", exact=True)).to_have_value("three")
    # From a distant view, the view moves to the found node at a legible zoom.
    for _ in range(12):
        await page.locator("[data-canvas]").press("-")
    await page.keyboard.press("Control+f")
    await page.get_by_placeholder("Find in ids").fill("one")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Id", exact=True)).to_have_value("one")
    # The ratio is below 1 because a fraction of a pixel may be outside.
    await expect(node(page, "one")).to_be_in_viewport(ratio=0.99)
    box = await node(page, "one").bounding_box()
    assert box and box["width"] > 180
    # Shift adds a node to the selection and removes it, like Ctrl.
    for count in (2, 1):
        await node(page, "two").click(modifiers=["Shift"])
        await expect(page.locator(".react-flow__node.selected")).to_have_count(count)


async def test_nodes_are_copied_into_the_workflow_of_another_tab_and_cut(page: Page, site: Site) -> None:
    other = await page.context.new_page()
    await opened(other, site)
    await other.keyboard.press("Control+a")
    await other.keyboard.press("Control+c")
    await expect(other.get_by_text("Copied 3 nodes")).to_be_visible()
    await page.bring_to_front()
    path = await opened(page, site, "# Mine.\nvalue:\n  modules:\n    - {id: one, value: {type: identity}}\n")
    await page.keyboard.press("Control+v")
    await expect(node(page, "three")).to_be_visible()
    await expect(page.locator(".react-flow__node-card")).to_have_count(4)
    await draft_saved(page)
    stored = site.client.get(f"/api/w/main/drafts/flow/{path}").json()["value"]["source"]["text"]
    assert stored.startswith("# Mine.\n") and "expr: results.one_2" in stored
    await page.keyboard.press("Control+x")
    await expect(page.locator(".react-flow__node-card")).to_have_count(1)
    await page.keyboard.press("Control+d")
    await expect(page.locator(".react-flow__node-card")).to_have_count(1)
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Control+d")
    await expect(node(page, "one_2")).to_be_visible()


async def test_marked_text_is_the_browsers_to_copy(page: Page, site: Site) -> None:
    await opened(page, site, query="?node=one")
    await page.evaluate("getSelection().selectAllChildren(document.querySelector('h1'))")
    await page.keyboard.press("Control+c")
    await page.evaluate("getSelection().removeAllRanges()")
    await page.keyboard.press("Control+v")
    await expect(page.get_by_text("The clipboard contains no nodes.")).to_be_visible()


SLOW_FRAMES = "window.requestAnimationFrame = (call) => setTimeout(() => call(performance.now()), 300); 0"


async def test_zoom_of_a_key_is_not_undone_by_the_frame_after_it(page: Page, site: Site) -> None:
    await page.emulate_media(reduced_motion="reduce")
    await opened(page, site, STEPS)
    await page.evaluate(SLOW_FRAMES)
    press = Keys(page)
    await press("0", "1", "0")
    await scale(page, "1")
    await page.evaluate("new Promise(requestAnimationFrame)")
    await scale(page, "1")
    # A panel that opens fits the graph again.
    await press("1", "y")
    await expect(page.get_by_label("YAML of the workflow")).to_be_visible()
    await press("0")
    await page.evaluate("new Promise(requestAnimationFrame)")
    await scale(page, "1")


async def test_test_key_in_code_tests_node_and_elsewhere_the_workflow(page: Page, site: Site) -> None:
    path = await opened(page, site, STEPS)
    await node(page, "one").click(position={"x": 12, "y": 12})
    code = page.get_by_role("textbox", name="Code", exact=True)
    await code.focus()
    await page.keyboard.press("Control+End")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_label("Test of one").locator('[data-result="Output of one"]')).to_have_text('"41"')
    assert await page.locator('[data-result="Workflow result"]').count() == 0
    # The full size has the button as well.
    await page.get_by_role("tab", name="Settings").click()
    await page.get_by_role("button", name="Edit in full size").click()
    await page.get_by_role("dialog").get_by_role("textbox").focus()
    async with page.expect_request("**/jobs/run/preview_flow*"):
        await page.keyboard.press("Control+Enter")
    await page.keyboard.press("Escape")
    await expect(code).to_have_text("echo 1; echo 41")
    await page.goto(f"/w/main/workflows/{path}?panel=node")
    await page.get_by_role("textbox", name="Name", exact=True).focus()
    await page.keyboard.press("Control+Enter")
    await expect(page.locator('[data-result="Workflow result"]')).to_have_text('"got 41"')
