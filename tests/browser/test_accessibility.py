"""Accessibility of all pages: axe finds no violations in both colour schemes and widths; no page is too wide."""

from __future__ import annotations

import json
from typing import Literal

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import LOOKS, ONE_LOOK, ROOT, Site
from tests.browser.test_editing import archive, node

pytestmark = pytest.mark.extended

AXE = ROOT / "editor" / "node_modules" / "axe-core" / "axe.min.js"
BOXES = """summary: Boxes
value:
  modules:
    - {id: ask, value: {type: approval, message: Go on?}}
    - id: each
      needs: [{node: ask, "on": approved}]
      value:
        type: forloopflow
        iterator: {type: javascript, expr: "[1, 2]"}
        skip_failures: false
        modules:
          - id: choose
            value:
              type: branchone
              branches: [{expr: flow_input.iter.value > 1, modules: [{id: big, value: {type: identity}}]}]
              default: [{id: small, value: {type: identity}}]
    - {id: tell, needs: [{node: ask, "on": rejected}], value: {type: identity}}
schema: {type: object, properties: {name: {type: string}}}
"""
FAILS = {
    "type": "rawscript",
    "language": "bash",
    "content": 'n="$1"\ntest $n = 1',
    "input_transforms": {"n": {"type": "javascript", "expr": "flow_input.iter.value"}},
}
LOOP = {"type": "forloopflow", "iterator": {"type": "javascript", "expr": "[1, 2]"}, "skip_failures": False}
INSIDE = [{"id": "fails", "value": FAILS}, {"id": "then", "value": {"type": "identity"}}]
FAILING = {"modules": [{"id": "each", "value": {**LOOP, "modules": INSIDE}}]}
ASKING = {"modules": [{"id": "ask", "value": {"type": "approval", "message": "Go on?"}}]}
FLOW = "/w/main/workflows/f/axe/boxes"
SCRIPT = "/w/main/scripts/f/axe/code"
PAGES = [
    "/w/main",
    "/w/main/workflows",
    FLOW,
    f"{FLOW}?panel=node&node=ask",
    f"{FLOW}?panel=node&node=each",
    f"{FLOW}?panel=test",
    f"{FLOW}?panel=yaml",
    f"{FLOW}?panel=problems",
    f"{FLOW}?panel=palette",
    f"{FLOW}?panel=node",
    f"{FLOW}?panel=outline&node=big",
    "/w/main/workflows/f/axe/nothing",
    "/w/main/scripts",
    SCRIPT,
    f"{SCRIPT}?tab=versions",
    f"{SCRIPT}?tab=uses",
    f"{SCRIPT}?tab=about",
    "/w/main/runs?last=30d",
    "/w/main/approvals",
    "/w/main/schedules",
    "/w/main/schedules?view=calendar",
    "/w/main/workers",
]


SETTLED = """async () => {
  const moves = (each) => each.playState === "running" && Number.isFinite(each.effect?.getComputedTiming().endTime);
  // Frames are asked for: where nothing else does, no animation ends.
  do await new Promise(requestAnimationFrame); while (document.getAnimations().some(moves));
  await document.fonts.ready;
}"""
"""Waits for the end of animations: axe records positions first and reads colours later."""


@pytest.fixture(scope="module")
def boxes(site: Site) -> None:
    site.deploy("f/axe/boxes", BOXES)
    code = {"path": "f/axe/code", "content": "def main(n: int = 1):\n    return n\n", "language": "python3"}
    site.client.post("/api/w/main/scripts/create", json=code).raise_for_status()


async def violations(page: Page) -> list[tuple[str, str, list[str]]]:
    """Return the serious violations that axe finds: the rule, its impact, and elements."""
    await page.evaluate(AXE.read_text())
    await page.evaluate(SETTLED)
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (each["id"], each["impact"], [part["html"][:200] for part in each["nodes"][:3]])
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


async def check(page: Page) -> None:
    """Check that axe finds no serious violation, and that the page is not wider than the window."""
    await expect(page.get_by_label("Loading")).to_have_count(0)
    faults = await violations(page)
    assert not faults, json.dumps(faults, indent=1)
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize(("scheme", "width"), LOOKS)
async def test_every_page(page: Page, scheme: Literal["light", "dark"], width: int) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.set_viewport_size({"width": width, "height": 900})
    for address in PAGES:
        await page.goto(address)
        await page.get_by_role("main").wait_for()
        if address.startswith(FLOW):
            await expect(node(page, "each")).to_be_visible()
            await expect(page.locator("aside[data-panel]")).to_have_count(address.count("panel="))
        await check(page)


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
async def test_run_page_is_accessible(page: Page, site: Site, scheme: Literal["light", "dark"], width: int) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.set_viewport_size({"width": width, "height": 900})
    id = site.client.post("/api/w/main/jobs/run/preview_flow", json={"value": FAILING, "args": {"n": 1}}).text
    await page.goto(f"/w/main/runs/{id}?node=fails&at=each.2")
    await expect(page.get_by_label("First error")).to_contain_text("ExitCode in fails", timeout=60_000)
    await expect(page.locator('[data-value="Output of fails"]')).to_be_visible()
    await check(page)
    await page.get_by_role("button", name="Retry from the failed node").click()
    await page.get_by_label("Nodes of the new run").first.wait_for()
    await check(page)
    await page.get_by_role("button", name="Cancel").click()
    await page.get_by_role("tab", name="Data").click()
    await expect(page.locator('[data-value="Result"]')).to_be_visible()
    await check(page)
    id = site.client.post("/api/w/main/jobs/run/preview_flow", json={"value": ASKING, "args": {}}).text
    await page.goto(f"/w/main/runs/{id}?node=ask")
    await expect(page.get_by_label("Waiting for")).to_be_visible()
    await check(page)


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize(("scheme", "width"), ONE_LOOK)
async def test_log_timeline_and_comparison_of_runs(
    page: Page, site: Site, scheme: Literal["light", "dark"], width: int
) -> None:
    runs = [site.client.post("/api/w/main/jobs/run/f/f/axe/boxes", json={}).text for _ in range(2)]
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.set_viewport_size({"width": width, "height": 900})
    for address in (f"{runs[0]}?tab=logs", f"{runs[0]}?tab=timeline", f"{runs[0]}/compare/{runs[1]}"):
        await page.goto(f"/w/main/runs/{address}")
        await page.get_by_label("Log of").or_(page.get_by_role("treegrid")).or_(page.get_by_role("table")).wait_for()
        await check(page)


TAB_STOPS = """() => [...document.querySelectorAll("[data-canvas] :is([tabindex], button, input, a)")]
  .filter((each) => each.tabIndex >= 0).map((each) => each.dataset.id ?? each.outerHTML)"""
FOCUSED = "() => document.activeElement.closest('[data-canvas]') && document.activeElement.dataset.id"


@pytest.mark.usefixtures("boxes")
async def test_canvas_is_one_tab_stop_and_usable_in_high_contrast_and_zoomed(page: Page) -> None:
    await page.goto(FLOW)
    ask = page.get_by_role("group", name="Approval node ask", exact=True)
    await expect(ask).to_be_visible()
    assert await page.evaluate(TAB_STOPS) == ["ask"]
    await page.get_by_role("button", name="Test", exact=True).focus()
    for _ in range(5):
        await page.keyboard.press("Tab")
        if await page.evaluate(FOCUSED):
            break
    await expect(ask).to_be_focused()
    for key, id in (("ArrowDown", "each"), ("ArrowDown", "choose"), ("ArrowUp", "each")):
        await page.keyboard.press(key)
        await expect(node(page, id)).to_be_focused()
    assert await page.evaluate(TAB_STOPS) == ["each"]
    await page.keyboard.press("Tab")
    assert await page.evaluate(FOCUSED) is None
    await page.emulate_media(forced_colors="active", reduced_motion="reduce")
    group = node(page, "each").locator(":scope > div")
    assert await group.evaluate("(each) => getComputedStyle(each).outlineStyle") == "solid"
    # 1440 × 900 pixels at 200 % and at 400 %.
    for width, height in ((720, 450), (360, 225)):
        await page.set_viewport_size({"width": width, "height": height})
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        # A function, because an expression would be evaluated in the page, which its content security policy forbids.
        await page.wait_for_function("() => document.querySelector('[data-canvas]').clientHeight >= 150")
        await page.keyboard.press("1")
        await node(page, "ask").click()
        await expect(page.get_by_label("Id", exact=True)).to_be_visible()
        await page.get_by_role("complementary").get_by_role("button", name="Close").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_main_button_is_readable_in_high_contrast(page: Page, scheme: Literal["light", "dark"]) -> None:
    """The browser draws no box behind its text, which has the colour of the box."""
    await page.emulate_media(color_scheme=scheme, forced_colors="active")
    await page.goto("/w/main/workflows")
    styles = await page.get_by_role("button", name="New workflow").evaluate(
        "(each) => (({ forcedColorAdjust, color, backgroundColor }) => [forcedColorAdjust, color, backgroundColor])"
        "(getComputedStyle(each))"
    )
    assert styles[0] == "none"
    assert styles[1] != styles[2]
    # The selected option and the pressed button have an outline, because their backgrounds are not shown.
    await page.keyboard.press("Control+k")
    option = page.get_by_role("dialog").get_by_role("option", selected=True)
    assert await option.evaluate("(each) => getComputedStyle(each).outlineStyle") == "solid"
    await page.goto("/w/main")
    pressed = page.get_by_role("button", name="24 hours", pressed=True)
    assert await pressed.evaluate("(each) => getComputedStyle(each).outlineStyle") == "solid"


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_dialog(page: Page, scheme: Literal["light", "dark"]) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.goto(FLOW)
    await expect(node(page, "each")).to_be_visible()
    for key in ("n", "Control+k", "Control+f", "?"):
        await page.keyboard.press(key)
        await page.get_by_role("dialog").wait_for()
        await check(page)
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
    await archive(page)
    await page.get_by_role("dialog").wait_for()
    await check(page)


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_node_form_with_data_and_test_is_accessible(page: Page, scheme: Literal["light", "dark"]) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.goto(f"{FLOW}?panel=node&node=each")
    ways = page.get_by_role("group", name="Input mode of Iterate over")
    for way in ("Connected", "Expression", "Value"):
        await ways.get_by_role("button", name=way).click()
        if way == "Expression":
            await page.get_by_role("button", name="Pick data").click()
        await check(page)
    for tab in ("Input", "Output", "Logs"):
        await page.get_by_role("tab", name=tab).click()
        await check(page)
    await page.goto(f"{FLOW}?panel=node&node=ask")
    await page.get_by_role("button", name="Add approver").click()
    await page.get_by_role("dialog").wait_for()
    await check(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_login_is_accessible(stranger: Page, scheme: Literal["light", "dark"]) -> None:
    await stranger.emulate_media(color_scheme=scheme)
    await stranger.goto("/login")
    await stranger.get_by_label("Password").wait_for()
    await check(stranger)


@pytest.mark.usefixtures("boxes")
async def test_run_page_has_room_for_graph_and_node_when_zoomed(page: Page, site: Site) -> None:
    """The window is 1440 × 900 pixels at 200 %."""
    run = site.client.post("/api/w/main/jobs/run/f/f/axe/boxes", json={}).text
    await page.set_viewport_size({"width": 720, "height": 450})
    await page.goto(f"/w/main/runs/{run}?node=ask")
    approve = page.get_by_role("button", name="Approve")
    await approve.scroll_into_view_if_needed()
    await expect(approve).to_be_in_viewport(ratio=1)
    canvas = page.locator("[data-canvas]")
    await canvas.scroll_into_view_if_needed()
    heights = await page.evaluate(
        "() => ['[data-canvas]', '[role=tabpanel]'].map((each) => document.querySelector(each).clientHeight)"
    )
    assert heights[0] >= 150
    assert heights[1] >= 300
