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


async def test_run_on_an_earlier_version_is_moved(page: Page, site: Site) -> None:
    site.deploy(PATH, text("a"))
    run = site.client.post(f"/api/w/main/jobs/run/f/{PATH}", json={}).text
    body = {"path": PATH, "source": {"format": "yaml", "text": text("a", "b")}}
    assert site.client.post(f"/api/w/main/flows/update/{PATH}", json=body).is_success
    await page.goto(f"/w/main/workflows/{PATH}?view=versions")
    versions = page.get_by_role("region", name="Versions")
    await versions.get_by_text("1 run is on an earlier version").click()
    await expect(versions.get_by_text("Current nodes: ask")).to_be_visible()
    await check(page)
    await versions.get_by_role("button", name="Move to version 2").click()
    await expect(page.get_by_text("1 run was moved to version 2")).to_be_visible()
    await expect(versions.get_by_text("1 run is on an earlier version")).to_have_count(0)
    found = site.client.get(f"/api/v1/runs/{run}/about", headers={"X-Workspace": "main"}).json()
    assert found["version"]["number"] == 2
