"""States of pages while their data load, which are not those of a run that has not started or has no output."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from contextlib import nullcontext
from urllib.parse import quote, urlsplit

import pytest
from playwright.async_api import Page, Response, expect
from tests.browser.conftest import Site
from tests.browser.test_run_page import PASS, held, started
from tests.installation import PATIENCE_S

SCRIPT = {"path": "u/admin/loading_script", "content": "echo 1", "language": "bash", "summary": ""}
WAITS = "value: {modules: [{id: ask, value: {type: approval, message: Continue?}}]}"


async def test_run_loads_until_its_status_is_known(page: Page, site: Site) -> None:
    _, id = started(site, PASS)
    title = page.get_by_role("heading", level=1)
    await page.goto(f"/w/main/runs/{id}")
    await expect(title).to_contain_text("Succeeded")
    async with held(page, f"**/runs/{id}/stream?**"):
        await page.goto(f"/w/main/runs/{id}?tab=logs")
        await expect(title).to_contain_text("Loading…")
        await expect(page.get_by_role("status", name="Loading…")).to_be_visible()
        await expect(page.get_by_text("No log output")).to_have_count(0)
        await expect(page.get_by_role("button", name="Cancel run")).to_have_count(0)
        await page.get_by_role("tab", name="Data").click()
        await expect(page.get_by_role("status", name="Loading…").first).to_be_visible()
        await expect(page.get_by_text("Available when the run ends")).to_have_count(0)
    await expect(title).to_contain_text("Succeeded")
    await page.get_by_role("tab", name="Logs").click()
    await expect(page.get_by_text("No log output", exact=True)).to_be_visible()


async def test_log_of_current_run_without_output_is_empty_once_it_was_read(page: Page, site: Site) -> None:
    _, id = started(site, WAITS)
    await page.goto(f"/w/main/runs/{id}?tab=logs")
    await expect(page.get_by_text("No log output yet")).to_be_visible()


async def test_code_of_a_script_loads_with_its_editor(page: Page, site: Site) -> None:
    assert site.client.post("/api/w/main/scripts/create", json=SCRIPT).status_code == 201
    async with held(page, "**/assets/code-*.js"):
        await page.goto(f"/w/main/scripts/{SCRIPT['path']}")
        await expect(page.get_by_role("button", name="Deploy")).to_be_visible()
        await expect(page.get_by_role("status", name="Loading…")).to_be_visible()
    await expect(page.get_by_role("textbox", name="Code of the script")).to_contain_text("echo 1")
    await expect(page.get_by_role("status", name="Loading…")).to_have_count(0)


@pytest.mark.parametrize(
    ("address", "loaded", "keys", "file", "field"),
    [
        ("/w/main", "h1", "Control+k", "palette", "Search and commands"),
        ("/w/main/workflows/{workflow}", ".react-flow__node", "n", "dialogs", "Add a node"),
    ],
)
async def test_text_typed_while_a_dialog_loads_is_searched(
    page: Page, site: Site, address: str, loaded: str, keys: str, file: str, field: str
) -> None:
    path, _ = started(site, PASS)
    await page.goto(address.format(workflow=path))
    # Keys are not handled before the page is shown: its <main> alone is there earlier.
    await expect(page.locator(loaded).first).to_be_visible()
    async with held(page, f"**/assets/{file}-*.js"):
        await page.keyboard.press(keys)
        await page.keyboard.type("wot")
        await page.keyboard.press("Backspace")
        await page.keyboard.type("rk")
    await expect(page.get_by_role("combobox", name=field)).to_have_value("work")
    await expect(page).to_have_url(re.compile("^[^?]*$"))


REQUESTED_EARLY = [
    ("/w/main", "page", ["/overview", "/jobs/histogram?"]),
    ("/w/main/runs", "list", ["/jobs/list?", "/jobs/histogram?"]),
    ("/w/main/runs/{run}", "run", ["/about", "/document"]),
    ("/w/main/workflows/{workflow}", "workflow", ["/drafts/flow/", "/flows/get/"]),
]


@pytest.mark.parametrize(("address", "file", "calls"), REQUESTED_EARLY)
async def test_data_are_requested_before_the_page_is_loaded(
    page: Page, site: Site, address: str, file: str, calls: list[str]
) -> None:
    path, id = started(site, PASS)
    missing, complete = set(calls), asyncio.Event()

    def note(answer: Response) -> None:
        missing.difference_update([call for call in missing if call in answer.url])
        if not missing:
            complete.set()

    await page.goto("about:blank")
    page.on("response", note)
    async with held(page, f"**/assets/{file}-*.js"):
        await page.goto(address.format(run=id, workflow=path), wait_until="commit")
        await asyncio.wait_for(complete.wait(), PATIENCE_S)
        await expect(page.get_by_role("heading", level=1)).to_have_count(0)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()


SENT_FIRST = [
    ("/w/main", ["/api/w/main/overview"]),
    ("/w/main/runs/{run}", ["/api/v1/runs/{run}/about", "/api/v1/runs/{run}/document"]),
    (
        "/w/main/workflows/{workflow}",
        ["/api/w/main/drafts/flow/{encoded}", "/api/w/main/flows/get/{encoded}"],
    ),
]
FRAME = ["/api/users/whoami", "/api/workspaces/users", "/api/auth/oidc/providers", "/api/w/main/users/whoami"]


@pytest.mark.parametrize(("address", "calls"), SENT_FIRST)
async def test_first_requests_precede_the_scripts_and_are_sent_once(
    page: Page, site: Site, address: str, calls: list[str]
) -> None:
    path, id = started(site, PASS)
    expected = {each.format(run=id, encoded=quote(path, safe="")) for each in (*FRAME, *calls)}
    missing, complete = set(expected), asyncio.Event()
    sent: Counter[str] = Counter()

    def note(answer: Response) -> None:
        missing.discard(urlsplit(answer.url).path)
        if not missing:
            complete.set()

    await page.goto("about:blank")
    page.on("request", lambda request: sent.update([urlsplit(request.url).path]))
    page.on("response", note)
    # The end of a run is a reason to request its facts again, as is the period of the overview to request that.
    async with held(page, "**/stream?**") if "runs" in address else nullcontext():
        async with held(page, "**/assets/start-*.js"):
            await page.goto(address.format(run=id, workflow=path), wait_until="commit")
            await asyncio.wait_for(complete.wait(), PATIENCE_S)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert {call: sent[call] for call in expected} == dict.fromkeys(expected, 1)


async def test_page_without_session_leads_to_login(stranger: Page, site: Site) -> None:
    path, _ = started(site, PASS)
    await stranger.goto(f"/w/main/workflows/{path}")
    await stranger.wait_for_url(f"**/login?then={quote(f'/w/main/workflows/{path}', safe='')}")
    await expect(stranger.get_by_label("Password")).to_be_visible()
