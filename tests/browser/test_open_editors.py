"""Open editors keep their state: neither a deployment nor a repeated request replaces the content of the page."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, Request, Route, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import add, draft_saved, flow, node
from tests.browser.test_editing import deploy as deploy_flow
from tests.browser.test_scripts import code_of, deploy, script

_numbers = itertools.count()
_FIRST = "def main():\n    return 'first'\n"
_SECOND = "def main():\n    return 'second'\n"
_EMPTY = "value:\n  modules:\n    - id: start\n      value: {type: identity}\n"


def _draft_of_script(site: Site) -> str:
    """Create a script that exists as a draft only and return its path."""
    path = f"u/admin/open{next(_numbers)}"
    value = {"content": "def main():\n    return 'template'\n", "language": "python3", "summary": ""}
    _save_draft(site, "script", path, value)
    return path


def _draft_of_flow(site: Site) -> str:
    """Create a workflow that exists as a draft only and return its path."""
    path = f"u/admin/open{next(_numbers)}"
    _save_draft(site, "flow", path, {"source": {"format": "yaml", "text": _EMPTY}})
    return path


def _save_draft(site: Site, kind: str, path: str, value: object) -> None:
    body = {"value": value, "base_version": None, "seq": None}
    answer = site.client.put(f"/api/w/main/drafts/{kind}/{path}", json=body)
    assert answer.status_code == 200, answer.text


async def test_script_keeps_its_code_over_the_first_and_second_deploy(page: Page, site: Site) -> None:
    path = _draft_of_script(site)
    await page.goto(f"/w/main/scripts/{path}")
    await code_of(page, _FIRST)
    await deploy(page, "The first")
    assert script(site, path)["content"] == _FIRST
    code = page.get_by_role("textbox", name="Code of the script")
    await expect(code).to_contain_text("'first'")
    await expect(page.get_by_role("button", name="Deploy", exact=True)).to_be_disabled()
    await code_of(page, _SECOND)
    await deploy(page, "The second")
    assert script(site, path)["content"] == _SECOND
    await expect(code).to_contain_text("'second'")
    await page.reload()
    await expect(code).to_contain_text("'second'")


async def test_workflow_keeps_its_nodes_over_the_first_and_second_deploy(page: Page, site: Site) -> None:
    path = _draft_of_flow(site)
    await page.goto(f"/w/main/workflows/{path}")
    await _add_after(page, "start")
    await deploy_flow(page, "The first")
    await expect(node(page, "pass")).to_be_visible()
    await _add_after(page, "pass")
    await deploy_flow(page, "The second")
    await expect(node(page, "pass_2")).to_be_visible()
    ids = [module["id"] for module in flow(site, path)["value"]["modules"]]
    assert sorted(ids) == ["pass", "pass_2", "start"]


async def test_script_is_deployed_after_the_running_save(page: Page, site: Site) -> None:
    path = _draft_of_script(site)
    await page.goto(f"/w/main/scripts/{path}")
    async with _held_save(page) as deployments:
        await code_of(page, _FIRST)
        await _deploy_while_saving(page, deployments)
    await expect(page.get_by_text("Deployed. New runs use this version.").last).to_be_visible()
    assert script(site, path)["content"] == _FIRST
    assert site.client.get(f"/api/w/main/drafts/script/{path}").json() is None


async def test_workflow_is_deployed_after_the_running_save(page: Page, site: Site) -> None:
    path = _draft_of_flow(site)
    await page.goto(f"/w/main/workflows/{path}")
    async with _held_save(page) as deployments:
        await _add_after(page, "start")
        await _deploy_while_saving(page, deployments)
    await expect(page.get_by_text("Deployed. New runs use this version.").last).to_be_visible()
    assert sorted(each["id"] for each in flow(site, path)["value"]["modules"]) == ["pass", "start"]
    assert site.client.get(f"/api/w/main/drafts/flow/{path}").json() is None


@pytest.mark.extended
async def test_undeployed_script_stays_open_after_the_server_was_away(page: Page, site: Site) -> None:
    path = _draft_of_script(site)
    await page.goto(f"/w/main/scripts/{path}")
    code = page.get_by_role("textbox", name="Code of the script")
    await code.evaluate("(element) => (element.dataset.mark = 'opened')")
    await page.route("**/api/**", _refuse)
    await code_of(page, _FIRST)
    await expect(page.get_by_role("status", name="Connection")).to_contain_text("Connection lost")
    await _reach(page, "drafts/script/")
    await draft_saved(page)
    await expect(page.locator("[data-mark=opened]")).to_contain_text("'first'")
    draft = site.client.get(f"/api/w/main/drafts/script/{path}").json()
    assert draft["value"]["content"] == _FIRST


@pytest.mark.extended
async def test_undeployed_workflow_stays_open_after_the_server_was_away(page: Page, site: Site) -> None:
    path = _draft_of_flow(site)
    await page.goto(f"/w/main/workflows/{path}")
    await node(page, "start").evaluate("(element) => (element.dataset.mark = 'opened')")
    await page.route("**/api/**", _refuse)
    await _add_after(page, "start")
    await expect(page.get_by_role("status", name="Connection")).to_contain_text("Connection lost")
    await _reach(page, "drafts/flow/")
    await draft_saved(page)
    await expect(page.locator("[data-mark=opened]")).to_be_visible()
    await expect(node(page, "pass")).to_be_visible()


@asynccontextmanager
async def _held_save(page: Page) -> AsyncIterator[list[str]]:
    """Block the saving of a draft until the end of the block. Yield the deploy requests."""
    deployments: list[str] = []
    released = asyncio.Event()

    async def hold(route: Route) -> None:
        if route.request.method == "PUT":
            await released.wait()
        await route.continue_()

    def note(request: Request) -> None:
        if request.method == "POST" and re.search("/(scripts/create|flows/create|flows/update/)", request.url):
            deployments.append(request.url)

    await page.route("**/drafts/**", hold)
    page.on("request", note)
    yield deployments
    released.set()


async def _deploy_while_saving(page: Page, deployments: list[str]) -> None:
    """Press Deploy while saving is blocked, and check that the page waits."""
    await expect(page.get_by_text("Saving", exact=False).first).to_be_visible()
    await page.get_by_role("button", name="Deploy", exact=True).click()
    deploy = page.get_by_role("dialog").get_by_role("button", name="Deploy")
    await deploy.click()
    await expect(deploy).to_be_disabled()
    assert not deployments


async def _add_after(page: Page, id: str) -> None:
    await node(page, id).click()
    await page.keyboard.press("n")
    await add(page, "Identity")


async def _refuse(route: Route) -> None:
    await route.abort()


async def _reach(page: Page, repeated: str) -> None:
    """Make the server reachable again and wait for the request that the page repeats."""
    async with page.expect_response(lambda answer: repeated in answer.url):
        await page.unroute("**/api/**")
    await expect(page.get_by_role("status", name="Connection")).to_be_empty()
