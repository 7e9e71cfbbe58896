"""Faults during editing: unreachable server, expired session, concurrent pages, invalid documents."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import EMAIL, PASSWORD, Site, write_code
from tests.browser.test_editing import LIST, draft_saved, node, opened
from tests.browser.test_fields import draft
from tests.browser.test_scripts import code_of, deployed
from tests.installation import Running

pytestmark = pytest.mark.extended

AWAY = "Connection lost. Retrying…"
PATIENCE_MS = 120_000


def server_of(installation: Running) -> int:
    """Return the id of the server process."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError, IndexError):
            continue
        if parent == installation.pid and b"server" in words:
            return int(entry.name)
    raise AssertionError("there is no server")


@contextmanager
def without_server(installation: Running) -> Iterator[None]:
    """Kill the server, and pause its supervisor until the end of the block."""
    os.kill(installation.pid, signal.SIGSTOP)
    try:
        os.kill(server_of(installation), signal.SIGKILL)
        yield
    finally:
        os.kill(installation.pid, signal.SIGCONT)
        await_server(installation)


def await_server(installation: Running) -> None:
    """Wait until the server accepts connections."""
    with httpx.Client(base_url=installation.base, transport=httpx.HTTPTransport(retries=10), timeout=60) as client:
        assert client.get("/api/version").status_code == 200


async def test_edits_survive_server_outage(page: Page, site: Site, installation: Running) -> None:
    path = await opened(page, site, query="?panel=node&node=two")
    summary = page.get_by_role("textbox", name="Name", exact=True)
    await expect(summary).to_be_visible()
    # A part of the page that is loaded during the outage would be missing.
    await expect(page.locator(".cm-content").first).to_be_attached()
    with without_server(installation):
        await summary.fill("Written while nobody answered")
        await expect(page.get_by_role("status", name="Connection")).to_contain_text(AWAY)
        await expect(page.get_by_role("status").filter(has_text="Not saved yet")).to_be_visible()
        await page.get_by_role("button", name="Undo: Set Name of two").click()
        await page.get_by_role("button", name="Redo: Set Name of two").click()
        await expect(node(page, "two")).to_contain_text("Written while nobody answered")
    await expect(page.get_by_text("Draft saved")).to_be_visible(timeout=PATIENCE_MS)
    await expect(page.get_by_role("status", name="Connection")).to_be_empty()
    assert "Written while nobody answered" in draft(site, path)
    await expect(page.get_by_role("button", name="No problems")).to_be_visible()


async def test_part_that_cannot_be_loaded_leaves_the_page(page: Page, site: Site) -> None:
    await page.route(re.compile("/assets/code-"), lambda route: route.abort())
    await opened(page, site, query="?panel=node&node=two")
    await page.get_by_text("Advanced: conditions, retries, timeout, cache").click()
    await expect(page.get_by_role("alert").first).to_contain_text("This part of the page could not be loaded.")
    await page.get_by_role("textbox", name="Name", exact=True).fill("Still here")
    await expect(node(page, "two")).to_contain_text("Still here")


@pytest.mark.soak
async def test_edited_script_survives_server_outage(page: Page, site: Site, installation: Running) -> None:
    path = deployed(site)
    await page.goto(f"/w/main/scripts/{path}")
    await expect(page.get_by_label("net", exact=True)).to_be_visible()
    with without_server(installation):
        await code_of(page, "def main(): return 'kept'\n")
        await expect(page.get_by_role("status", name="Connection")).to_contain_text(AWAY)
    await expect(page.get_by_text("Draft saved")).to_be_visible(timeout=PATIENCE_MS)
    assert "kept" in site.client.get(f"/api/w/main/drafts/script/{path}").json()["value"]["content"]


async def test_session_ended_elsewhere_is_renewed_in_place(page: Page, site: Site) -> None:
    await page.context.clear_cookies()
    await page.goto("/login")
    await page.get_by_label("E-mail address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in", exact=True).click()
    await expect(page.get_by_label("Workspace")).to_be_visible()
    path = await opened(page, site, query="?panel=node&node=two")
    await expect(page.get_by_role("textbox", name="Name", exact=True)).to_be_visible()
    # Another tab of the user logs out: the server has deleted the session, but this tab still has the cookie.
    cookies = await page.context.cookies()
    status = await page.evaluate(
        "fetch('/api/auth/logout', {method: 'POST', headers: {'X-Orvanta': '1'}}).then((answer) => answer.status)"
    )
    assert status < 300
    await page.context.add_cookies(cookies)  # type: ignore[arg-type]
    await page.get_by_role("textbox", name="Name", exact=True).fill("Of the old session")
    await expect(page.get_by_text("Your session has expired")).to_be_visible()
    await page.get_by_label("E-mail address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in", exact=True).click()
    await draft_saved(page)
    assert "Of the old session" in draft(site, path)


async def test_reloaded_tab_shows_newer_draft(page: Page, site: Site) -> None:
    path = await opened(page, site, query="?panel=node&node=one")
    await page.get_by_role("textbox", name="Name", exact=True).fill("Of this tab")
    await draft_saved(page)
    other = await page.context.new_page()
    await other.goto(f"/w/main/workflows/{path}?panel=node&node=two")
    await expect(node(other, "one")).to_contain_text("Of this tab")
    await other.get_by_role("textbox", name="Name", exact=True).fill("Of the other tab")
    await draft_saved(other)
    await page.reload()
    await expect(node(page, "two")).to_contain_text("Of the other tab")
    await page.get_by_role("button", name="Undo: Use the saved draft").click()
    await expect(node(page, "two")).not_to_contain_text("Of the other tab")
    await expect(node(page, "one")).to_contain_text("Of this tab")
    await page.get_by_role("button", name="Undo: Set Name of one").click()
    await expect(node(page, "one")).not_to_contain_text("Of this tab")


BROKEN = [
    "value:\n  modules: [\n",
    "- a list\n- and no workflow\n",
    "just words",
    "value: {modules: {a: 1}}\n",
    "value: {modules: [{id: 7, value: 3}, null, text, {value: {type: [1]}}]}\n",
    "value:\n  modules:\n    - {id: a, needs: [a, ghost], value: {type: teleport}}\n    - {id: a, value: {}}\n",
    "a: &x [*x]\n",
    "value: {modules: []}\nschema: [1]\nsummary: {a: 1}\n",
]


async def test_drafts_that_are_no_workflow_are_opened_and_mended(page: Page, site: Site) -> None:
    path = await opened(page, site)
    revision = None
    for text in BROKEN:
        body = {"value": {"source": {"format": "yaml", "text": text}}, "seq": revision}
        answer = site.client.put(f"/api/w/main/drafts/flow/{path}", json=body)
        assert answer.status_code == 200, answer.text
        revision = answer.json()["seq"]
        await page.goto(f"/w/main/workflows/{path}?panel=yaml")
        await expect(page.get_by_label("YAML of the workflow")).to_contain_text(text.strip().splitlines()[0])
        await page.get_by_role("button", name="Close").click()
        await page.goto("/w/main")
    await page.goto(f"/w/main/workflows/{path}?panel=yaml")
    await write_code(page.get_by_label("YAML of the workflow"), LIST)
    await expect(node(page, "three")).to_be_visible()
    await expect(page.get_by_role("button", name="No problems")).to_be_visible()


@pytest.mark.soak
async def test_history_larger_than_tab_storage_survives_reload(page: Page, site: Site) -> None:
    await opened(page, site, query="?panel=yaml")
    text = page.get_by_label("YAML of the workflow")
    await text.fill(f"{LIST}# {'x' * 3_000_000}\n")
    await draft_saved(page)
    await text.fill(f"{LIST}# {'y' * 3_000_000}\n")
    await draft_saved(page)
    await page.goto("/w/main")
    await page.go_back()
    await expect(page.get_by_role("button", name="Undo: Edit YAML")).to_be_visible()
