"""Search of runs by their inputs and results, which an admin must enable, on its own page."""

from __future__ import annotations

import re
import time
from uuid import UUID

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import ONE_LOOK, Site
from tests.browser.test_accessibility import check

pytestmark = pytest.mark.extended

PATH = "f/runs/searched"
FLOW = """value:
  modules:
    - {id: first, value: {type: identity}}
"""


def minutes_old() -> UUID:
    """Return an id with a time two minutes ago: such a run is indexed immediately."""
    at_ms = int(time.time() * 1000) - 120_000
    return UUID(int=at_ms << 80 | 7 << 76 | 2 << 62 | time.time_ns() % (1 << 62))


async def test_run_is_found_by_data(page: Page, site: Site) -> None:
    site.deploy(PATH, FLOW)
    id = site.client.post(f"/api/w/main/jobs/run/f/{PATH}?job_id={minutes_old()}", json={"order": "ORD-4711-x"}).text
    await page.goto("/w/main/runs")
    await page.get_by_role("link", name="Search run data").click()
    await page.get_by_label("Words in inputs and results").fill("ord-4711")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Turn on search").click()
    found = page.get_by_role("list", name="Runs found").get_by_role("link", name=PATH)
    while not await found.count():
        await page.reload()
        await expect(page.get_by_role("heading", level=2).or_(found).first).to_be_visible()
    places = page.get_by_role("list", name="Matches")
    await expect(places).to_contain_text("Input of the run")
    await places.get_by_role("link", name="Result of first").click()
    await expect(page).to_have_url(re.compile(f"{id}.*node=first"))


@pytest.mark.parametrize(("scheme", "width"), ONE_LOOK)
async def test_search_results_are_accessible(page: Page, site: Site, scheme: str, width: int) -> None:
    await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    await page.set_viewport_size({"width": width, "height": 900})
    await page.goto("/w/main/runs/search?q=4711")
    await expect(page.get_by_role("heading", level=2).or_(page.get_by_label("Runs found")).first).to_be_visible()
    await check(page)
