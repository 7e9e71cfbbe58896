"""Workflow of 500 nodes: only visible nodes are rendered, a drag updates the dragged node only; measurements."""

from __future__ import annotations

import statistics

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import node

pytestmark = pytest.mark.extended

WIDE, DEEP = 20, 25
OPENS = 50
PATH = "f/large/five_hundred"
CARDS = "document.querySelectorAll('.react-flow__node').length"
VIEW = "document.querySelector('.react-flow__viewport').style.transform"
FRAMES = """() => {
    window.stamps = [];
    const step = now => { window.stamps.push(now); window.frame = requestAnimationFrame(step); };
    window.frame = requestAnimationFrame(step);
}"""
STOP = """() => {
    cancelAnimationFrame(window.frame);
    return window.stamps.slice(1).map((stamp, n) => stamp - window.stamps[n]);
}"""


def source() -> str:
    lines = ["value:", "  modules:"]
    for row in range(DEEP):
        for column in range(WIDE):
            before = [f"n{row - 1}_{column}", f"n{row - 1}_{(column + 1) % WIDE}"] if row else []
            lines.append(f"    - {{id: n{row}_{column}, needs: [{', '.join(before)}], value: {{type: identity}}}}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def large(site: Site) -> str:
    site.deploy(PATH, source())
    return f"/w/main/workflows/{PATH}"


async def drag(page: Page, id: str, steps: int) -> None:
    box = await node(page, id).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + 160, y + 90, steps=steps)


async def at_full_size(page: Page, address: str) -> None:
    await page.emulate_media(reduced_motion="reduce")
    await page.goto(address)
    await expect(page.locator(".react-flow__node").first).to_be_visible(timeout=30_000)
    # The graph is shown at its full size for a moment before it is fitted into the view.
    await page.wait_for_function(f"() => !{VIEW}.includes('scale(1)')")
    await page.keyboard.press("0")
    await page.wait_for_function(f"() => {VIEW}.includes('scale(1)')")


async def in_the_middle(page: Page) -> str:
    """Return the id of the node that is nearest to the middle of the canvas."""
    return str(
        await page.evaluate("""() => {
            const { left, top, width, height } = document.querySelector('[data-canvas]').getBoundingClientRect();
            const far = card => {
                const box = card.getBoundingClientRect();
                return Math.hypot(box.x + box.width / 2 - left - width / 2, box.y + box.height / 2 - top - height / 2);
            };
            const cards = [...document.querySelectorAll('.react-flow__node-card')];
            return cards.sort((a, b) => far(a) - far(b))[0].dataset.id;
        }""")
    )


async def test_only_visible_nodes_are_drawn_and_drag_moves_one(page: Page, large: str) -> None:
    await at_full_size(page, large)
    await page.wait_for_function(f"() => {CARDS} <= 80")
    id = await in_the_middle(page)
    await page.evaluate("""() => {
        window.touched = new Set();
        const nodes = document.querySelector('.react-flow__nodes');
        new MutationObserver(seen => seen.forEach(each => window.touched.add(each.target.dataset.id)))
            .observe(nodes, {attributes: true, subtree: true, attributeFilter: ['style']});
    }""")
    await drag(page, id, 12)
    assert set(await page.evaluate("[...window.touched]")) <= {id, None}
    await page.mouse.up()
    await expect(page.get_by_role("button", name=f"Undo: Move {id}")).to_be_visible()


@pytest.mark.soak(minutes=10)
async def test_its_figures(page: Page, large: str) -> None:
    tools = await page.context.new_cdp_session(page)
    await tools.send("Performance.enable")

    async def held() -> tuple[float, float]:
        await tools.send("HeapProfiler.collectGarbage")
        found = {each["name"]: each["value"] for each in (await tools.send("Performance.getMetrics"))["metrics"]}
        return found["JSHeapUsedSize"] / 1e6, found["Nodes"]

    await page.goto("/w/main/workflows")
    opened, sizes = [], []
    for turn in range(OPENS):
        link = page.locator(f'a[href$="{PATH}"]').first
        await page.get_by_label("Search workflows").fill("five_hundred")
        await page.evaluate("() => { window.asked = performance.now(); }")
        await link.click()
        await page.wait_for_function("() => document.querySelectorAll('.react-flow__node').length > 0")
        opened.append(await page.evaluate("() => performance.now() - window.asked"))
        await page.get_by_role("link", name="Workflows", exact=True).click()
        await page.get_by_label("Search workflows").wait_for()
        if turn % 10 == 9:
            sizes.append(await held())
    print(f"\nopening: median {statistics.median(opened):.0f} ms, worst {max(opened):.0f} ms of {OPENS}")
    print("held after each ten (MB, DOM nodes):", [(round(size, 1), int(count)) for size, count in sizes])
    await at_full_size(page, large)
    for name in ("drag", "pan"):
        await page.evaluate(FRAMES)
        if name == "drag":
            await drag(page, await in_the_middle(page), 120)
        else:
            await page.mouse.move(700, 140)
            await page.mouse.down()
            await page.mouse.move(300, 500, steps=120)
        gaps = await page.evaluate(STOP)
        await page.mouse.up()
        late = sum(gap > 20 for gap in gaps)
        print(f"{name}: {len(gaps)} frames, median {statistics.median(gaps):.1f} ms, {late} later than 20 ms")
    assert len(sizes) == OPENS // 10
