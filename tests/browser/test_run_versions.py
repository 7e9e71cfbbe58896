"""Runs under way on earlier versions: shown above the versions of their workflow, and moved."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check

pytestmark = pytest.mark.extended

PATH = "f/tested/orders_waiting"


def text(*later: str) -> str:
    """Return the YAML of a workflow that waits for an approval before these nodes."""
    nodes = "".join(f"    - {{id: {each}, value: {{type: identity}}}}\n" for each in later)
    return "value:\n  modules:\n    - {id: ask, value: {type: approval}}\n" + nodes


async def test_runs_on_an_earlier_version_are_moved(page: Page, site: Site) -> None:
    site.deploy(PATH, text("a"))
    runs = [site.client.post(f"/api/w/main/jobs/run/f/{PATH}", json={}).text for _ in range(3)]
    body = {"path": PATH, "source": {"format": "yaml", "text": text("a", "b")}}
    assert site.client.post(f"/api/w/main/flows/update/{PATH}", json=body).is_success
    await page.goto(f"/w/main/workflows/{PATH}?view=versions")
    versions = page.get_by_role("region", name="Versions")
    await versions.get_by_text("3 runs are on earlier versions").click()
    await expect(versions.get_by_text("Current nodes: ask")).to_have_count(3)
    await check(page)
    await versions.get_by_role("button", name="Move to version 2").first.click()
    await expect(page.get_by_text("1 run was moved to version 2")).to_be_visible()
    # Several runs are moved after a confirmation.
    await versions.get_by_role("button", name="Move 2 runs to version 2").click()
    await expect(page.get_by_role("dialog")).to_contain_text("They cannot be moved back.")
    await page.get_by_role("dialog").get_by_role("button", name="Move", exact=True).click()
    await expect(page.get_by_text("2 runs were moved to version 2")).to_be_visible()
    await expect(versions.get_by_text("earlier version")).to_have_count(0)
    for run in runs:
        found = site.client.get(f"/api/v1/runs/{run}/about", headers={"X-Workspace": "main"}).json()
        assert found["version"]["number"] == 2
