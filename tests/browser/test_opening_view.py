"""View in which a graph opens: names can be read, and a graph that is larger starts at its first nodes."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import node
from tests.browser.test_keys import Keys
from tests.browser.test_run_page import started

SIXTY = "value:\n  modules:\n" + "".join(f"    - {{id: n{n}, value: {{type: identity}}}}\n" for n in range(60))
WIDE = "value:\n  modules:\n" + "".join(
    f"    - {{id: n{n}, needs: [{'n0' if n else ''}], value: {{type: identity}}}}\n" for n in range(30)
)


async def zoom(page: Page) -> float:
    style = await page.locator(".react-flow__viewport").get_attribute("style") or ""
    return float((re.search(r"scale\((.*?)\)", style) or ["", "0"])[1])


async def test_graph_that_does_not_fit_opens_readable_at_its_first_nodes(page: Page, site: Site) -> None:
    path, id = started(site, SIXTY)
    press = Keys(page)
    for address in (f"/w/main/workflows/{path}", f"/w/main/runs/{id}"):
        await page.goto(address)
        await expect(node(page, "n0")).to_be_in_viewport(ratio=0.99)
        await expect(node(page, "n59")).not_to_be_in_viewport()
        assert await zoom(page) > 0.45
        name = await node(page, "n0").get_by_text("n0", exact=True).bounding_box()
        assert name and name["height"] > 10
    await page.goto(f"/w/main/workflows/{path}")
    # Next to a panel, it is as it opened.
    await expect(node(page, "n0")).to_be_in_viewport(ratio=0.99)
    await press("y")
    await expect(page.get_by_label("YAML of the workflow")).to_be_visible()
    await expect(node(page, "n0")).to_be_in_viewport(ratio=0.99)
    await press("y")
    # All of it is shown on request.
    await press("1")
    for each in ("n0", "n59"):
        await expect(node(page, each)).to_be_in_viewport(ratio=0.99)


async def test_graph_opens_at_the_node_of_its_address(page: Page, site: Site) -> None:
    path, _ = started(site, SIXTY)
    await page.goto(f"/w/main/workflows/{path}?node=n40")
    await expect(node(page, "n40")).to_be_in_viewport(ratio=0.99)
    assert await zoom(page) > 0.45


async def test_wide_graph_opens_at_its_first_node(page: Page, site: Site) -> None:
    path, _ = started(site, WIDE)
    await page.goto(f"/w/main/workflows/{path}")
    await expect(node(page, "n0")).to_be_in_viewport(ratio=0.99)
    assert await zoom(page) > 0.45
    canvas = await page.locator("[data-canvas]").bounding_box()
    first = await node(page, "n0").bounding_box()
    assert canvas and first
    assert canvas["x"] <= first["x"] and first["x"] + first["width"] <= canvas["x"] + canvas["width"]
