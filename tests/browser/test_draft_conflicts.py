"""Deployment of a draft that another tab has saved meanwhile: the page asks first, and preserves the other draft."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from playwright.async_api import Locator, Page, Route, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check
from tests.browser.test_editing import draft_saved, flow, node
from tests.browser.test_scripts import code_of, script

_numbers = itertools.count()
_DEPLOYED = "def main():\n    return 'deployed'\n"
_MINE = "def main():\n    return 'mine'\n"
_THEIRS = "def main():\n    return 'theirs'\n"
_FLOW = "value:\n  modules:\n    - {id: start, value: {type: identity}}\n"
_NOTICE = "Another page has saved this draft"


def _new_path() -> str:
    return f"u/admin/two_tabs{next(_numbers)}"


def _script(site: Site) -> str:
    """Deploy a script and return its path."""
    path = _new_path()
    body = {"path": path, "content": _DEPLOYED, "language": "python3", "summary": ""}
    assert site.client.post("/api/w/main/scripts/create", json=body).status_code == 201
    return path


def _stored(site: Site, kind: str, path: str) -> Any:
    return site.client.get(f"/api/w/main/drafts/{kind}/{path}").json()["value"]


def _dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Deploy")


async def _name(page: Page, name: str) -> None:
    await page.get_by_role("textbox", name="Name", exact=True).fill(name)


async def _flow_in_two_tabs(page: Page, site: Site) -> tuple[str, Page]:
    """Open a workflow twice, and save its draft in the second tab. Return its path and that tab."""
    path = _new_path()
    site.deploy(path, _FLOW)
    address = f"/w/main/workflows/{path}?panel=node&node=start"
    other = await page.context.new_page()
    for tab in (page, other):
        await tab.goto(address)
        await expect(node(tab, "start")).to_be_visible()
    await _name(other, "Theirs")
    await draft_saved(other)
    return path, other


@asynccontextmanager
async def _save_at_deploy(page: Page) -> AsyncIterator[None]:
    """Hold the save of the draft until the end of the block, so that the deploy is what waits for its answer."""
    released = asyncio.Event()

    async def hold(route: Route) -> None:
        if route.request.method == "PUT":
            await released.wait()
        await route.continue_()

    await page.route("**/drafts/**", hold)
    yield
    released.set()


async def test_deploy_of_workflow_asks_if_another_tab_saved_the_draft(page: Page, site: Site) -> None:
    path, _ = await _flow_in_two_tabs(page, site)
    async with _save_at_deploy(page):
        await _name(page, "Mine")
        await page.get_by_role("button", name="Deploy").click()
        await _dialog(page).get_by_role("button", name="Deploy").click()
    await expect(_dialog(page).get_by_role("alert")).to_contain_text(_NOTICE)
    assert "Mine" not in str(flow(site, path))
    assert "Theirs" in _stored(site, "flow", path)["source"]["text"]
    await _dialog(page).get_by_role("button", name="Review drafts").click()
    await expect(_dialog(page)).to_have_count(0)
    await expect(page.get_by_role("button", name="Merge…")).to_be_visible()


async def test_workflow_is_deployed_beside_the_draft_of_another_tab(page: Page, site: Site) -> None:
    path, other = await _flow_in_two_tabs(page, site)
    await _name(page, "Mine")
    await expect(page.get_by_role("alert")).to_contain_text(_NOTICE)
    await page.get_by_role("button", name="Deploy").click()
    await expect(_dialog(page).get_by_role("alert")).to_contain_text(_NOTICE)
    await _dialog(page).get_by_role("button", name="Deploy this version").click()
    await expect(page.get_by_text("The draft of the other page is preserved.")).to_be_visible()
    await expect(_dialog(page)).to_have_count(0)
    assert "Mine" in str(flow(site, path))
    assert "Theirs" in _stored(site, "flow", path)["source"]["text"]
    await other.reload()
    await expect(node(other, "start")).to_contain_text("Theirs")
    await expect(other.get_by_role("alert")).to_contain_text("A new version was deployed after")


async def test_deploy_of_script_asks_if_another_tab_saved_the_draft(page: Page, site: Site) -> None:
    path = _script(site)
    await _script_in_two_tabs(page, path)
    async with _save_at_deploy(page):
        await code_of(page, _MINE)
        await page.get_by_role("button", name="Deploy", exact=True).click()
        await _dialog(page).get_by_role("button", name="Deploy").click()
    await expect(_dialog(page).get_by_role("alert")).to_contain_text(_NOTICE)
    assert script(site, path)["content"] == _DEPLOYED
    assert _stored(site, "script", path)["content"] == _THEIRS
    await _dialog(page).get_by_role("button", name="Deploy this version").click()
    await expect(page.get_by_text("The draft of the other page is preserved.")).to_be_visible()
    assert script(site, path)["content"] == _MINE
    assert _stored(site, "script", path)["content"] == _THEIRS


async def test_redeploy_of_script_stops_if_another_tab_saved_the_draft(page: Page, site: Site) -> None:
    path = _script(site)
    deployed = script(site, path)
    body = {"path": path, "content": _MINE, "language": "python3", "summary": "", "parent_hash": deployed["hash"]}
    assert site.client.post("/api/w/main/scripts/create", json=body).status_code == 201
    await _script_in_two_tabs(page, path, "?tab=versions")
    await page.get_by_label("Versions", exact=True).get_by_role("button", name="Compare").nth(1).click()
    async with _save_at_deploy(page):
        await code_of(page, "def main():\n    return 'unsaved'\n")
        await page.get_by_role("button", name="Deploy this version").click()
        await page.get_by_role("dialog").get_by_role("button", name="Discard draft and deploy").click()
    await expect(page.get_by_role("alert")).to_contain_text(_NOTICE)
    await expect(page.get_by_role("button", name="Deploy this version")).to_be_disabled()
    assert script(site, path)["content"] == _MINE
    assert _stored(site, "script", path)["content"] == _THEIRS


@pytest.mark.extended
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_question_about_the_other_draft_is_accessible(
    page: Page, site: Site, scheme: Literal["light", "dark"]
) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await _flow_in_two_tabs(page, site)
    await _name(page, "Mine")
    await expect(page.get_by_role("alert")).to_contain_text(_NOTICE)
    await page.get_by_role("button", name="Deploy").click()
    await expect(_dialog(page).get_by_role("alert")).to_contain_text(_NOTICE)
    for width in (1440, 390):
        await page.set_viewport_size({"width": width, "height": 900})
        await check(page)


async def _script_in_two_tabs(page: Page, path: str, query: str = "") -> None:
    """Open a script twice, and save its draft in the second tab."""
    other = await page.context.new_page()
    for tab in (page, other):
        await tab.goto(f"/w/main/scripts/{path}{query}")
        await expect(tab.get_by_role("textbox", name="Code of the script")).to_be_visible()
    await code_of(other, _THEIRS)
    await expect(other.get_by_role("status").filter(has_text="Draft saved")).to_be_visible()
