"""The documentation site in a browser: its pages and search under the policy of the route, without other servers."""

from __future__ import annotations

import os
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import ROOT

SITE = ROOT / "build" / "docs"

pytestmark = pytest.mark.skipif(
    not (SITE / "index.html").is_file() and not os.environ.get("REQUIRE_BROWSER"),
    reason="the documentation site is not built (scripts/docs build)",
)


async def test_site_is_read_and_searched_without_login(stranger: Page) -> None:
    """The fixture fails if a page breaks its policy, raises an error, or sends a request to another server."""
    await stranger.goto("/docs")
    await expect(stranger).to_have_title("Orvanta")
    await stranger.get_by_role("main").get_by_role("link", name="settings", exact=True).first.click()
    await expect(stranger.get_by_role("heading", name="Settings", level=1)).to_be_visible()
    await stranger.wait_for_load_state("load")
    search = stranger.get_by_role("textbox", name="Search")
    await search.click()
    await search.press_sequentially("retention days")
    found = stranger.get_by_role("link").filter(has_text="Runs that have ended, with their jobs")
    await expect(found.first).to_be_visible()
    await stranger.goto("/docs/reference/states.html")
    await expect(stranger.get_by_role("cell", name="running", exact=True).first).to_be_visible()
    missing = await stranger.goto("/docs/nowhere.html")
    assert missing is not None and missing.status == 404
    await expect(stranger.get_by_role("heading", name="404")).to_be_visible()


async def test_editor_links_to_documentation(page: Page) -> None:
    await page.goto("/w/main")
    async with page.expect_popup() as opened:
        await page.get_by_role("link", name="Documentation").click()
    documentation = await opened.value
    await expect(documentation).to_have_title("Orvanta")


def test_distribution_contains_every_file_of_the_site() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    folders = {folder: patterns for folder, patterns in listed.items() if folder.startswith("share/orvanta/docs")}
    for file in (each for each in SITE.rglob("*") if each.is_file() and not each.name.startswith(".")):
        folder = Path("share/orvanta/docs") / file.relative_to(SITE).parent
        patterns = folders.get(folder.as_posix(), [])
        assert any(fnmatch(file.relative_to(ROOT).as_posix(), pattern) for pattern in patterns), file
