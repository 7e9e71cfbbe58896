"""Page of a script: editing, tests with a live log, deployment with a list of users, comparison, restore."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site, write_code
from tests.polling import POLL_S

TAX = """def main(net: float, rate: float = 0.2):
    print("taxing")
    return round(net * (1 + rate), 2)
"""
CALLS = """value:
  modules:
    - id: tax
      value: {type: script, path: PATH, input_transforms: {net: {type: static, value: 1}}}
"""
_numbers = itertools.count()


def deployed(site: Site, content: str = TAX) -> str:
    """Deploy a new script; return its path."""
    path = f"f/scripts/s{next(_numbers)}"
    body = {"path": path, "content": content, "language": "python3", "summary": f"Tax of {path}", "tag": "taxes"}
    answer = site.client.post("/api/w/main/scripts/create", json=body)
    assert answer.status_code == 201, answer.text
    return path


def script(site: Site, path: str) -> Any:
    return site.client.get(f"/api/w/main/scripts/get/p/{path}").json()


async def code_of(page: Page, text: str) -> None:
    await write_code(page.get_by_role("textbox", name="Code of the script"), text)


async def deploy(page: Page, message: str) -> None:
    await page.get_by_role("button", name="Deploy", exact=True).click()
    await page.get_by_label("What changed?").fill(message)
    await page.get_by_role("dialog").get_by_role("button", name="Deploy").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_text("Deployed. New runs use this version.").last).to_be_visible()


@contextmanager
def reserved(site: Site, queue: str) -> Iterator[None]:
    """Reserve a queue for another workspace during the block. Servers read the setting again within seconds."""
    call = "/api/settings/global/queue_rules"
    assert site.client.post(call, json={"value": {"reserved": {queue: ["admins"]}}}).status_code == 200
    checked = {"path": "f/scripts/x", "summary": "", "tag": queue, "value": {"modules": []}}
    while "queue_reserved" not in site.client.post("/api/w/main/flows/validate", json=checked).text:
        time.sleep(POLL_S)
    try:
        yield
    finally:
        site.client.post(call, json={"value": {}})


async def test_new_script_is_written_tested_and_deployed(page: Page, site: Site) -> None:
    await page.goto("/w/main")
    site.client.post("/api/w/main/folders/create", json={"name": "scripts"})
    await page.get_by_role("link", name="Scripts", exact=True).click()
    await page.get_by_role("button", name="New script").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Language").select_option("bash")
    await dialog.get_by_label("Folder").select_option("f/scripts")
    await dialog.get_by_label("Id").fill("greet")
    await dialog.get_by_role("button", name="Create script").click()
    await expect(page.get_by_role("heading", name="f/scripts/greet")).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text="Draft saved")).to_be_visible()
    await code_of(page, 'name="$1"\necho "greeting" >&2\necho "Hello $name"\n')
    await page.get_by_label("name", exact=True).fill("Ada")
    await page.get_by_role("textbox", name="Code of the script").press("Control+Enter")
    await expect(page.locator('[data-result="Result"]')).to_have_text('"Hello Ada"')
    await expect(page.locator("[data-log]")).to_contain_text("greeting")
    await page.get_by_role("tab", name="About").click()
    await page.get_by_label("Name", exact=True).fill("Greets somebody")
    await page.get_by_label("Labels").fill("shop, greetings, shop")
    await deploy(page, "The first")
    stored = script(site, "f/scripts/greet")
    assert (stored["summary"], stored["labels"]) == ("Greets somebody", ["shop", "greetings"])
    await page.goto("/w/main/scripts?q=greets")
    await expect(page.get_by_role("link", name="Greets somebody")).to_be_visible()


async def test_log_is_shown_while_script_runs(page: Page, site: Site) -> None:
    path = deployed(site, "import time\n\n\ndef main():\n    print('begun', flush=True)\n    time.sleep(600)\n")
    await page.goto(f"/w/main/scripts/{path}")
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.locator("[data-log]")).to_contain_text("begun", timeout=60_000)
    await expect(page.get_by_label("Test run").get_by_text("running")).to_be_visible()
    await page.get_by_role("button", name="Stop").click()
    await expect(page.get_by_label("Test run").get_by_text("Cancelled", exact=True)).to_be_visible()


async def test_deploy_lists_users_and_preserves_settings(page: Page, site: Site) -> None:
    path = deployed(site)
    site.deploy(f"{path}_flow", CALLS.replace("PATH", path))
    await page.goto(f"/w/main/scripts/{path}")
    await code_of(page, TAX.replace("0.2", "0.19"))
    await page.get_by_role("button", name="Deploy", exact=True).click()
    reached = page.get_by_label("Affected by this deploy")
    await expect(reached.get_by_role("listitem")).to_have_count(1)
    await expect(reached).to_contain_text(f"{path}_flow")
    await expect(reached).to_contain_text("node tax")
    await page.keyboard.press("Escape")
    with reserved(site, "taxes"):
        await deploy(page, "Another rate")
        await expect(page.get_by_text("The workspace main may not use the queue taxes.")).to_be_visible()
    found = script(site, path)
    assert "0.19" in found["content"] and found["tag"] == "taxes" and found["summary"] == f"Tax of {path}"
    await page.get_by_role("tab", name="Used by").click()
    await page.get_by_role("link", name=f"{path}_flow").click()
    await expect(page.get_by_role("link", name="Open")).to_have_attribute("href", f"/w/main/scripts/{path}")


@pytest.mark.extended
async def test_old_script_version_is_compared_and_redeployed(page: Page, site: Site) -> None:
    path = deployed(site)
    await page.goto(f"/w/main/scripts/{path}?tab=versions")
    await code_of(page, TAX.replace("0.2", "0.19"))
    await deploy(page, "Another rate")
    rows = page.get_by_label("Versions", exact=True).get_by_role("listitem")
    await expect(rows).to_have_count(2)
    await rows.nth(1).get_by_role("button", name="Compare").click()
    beside = page.get_by_label("Version 1 and this page")
    await expect(beside.locator(".cm-changedLine").filter(has_text="rate: float = 0.2)").first).to_be_visible()
    await expect(beside.get_by_role("textbox", name="This page")).to_contain_text("0.19")
    await beside.get_by_role("button", name="Deploy this version").click()
    await expect(page.get_by_text("Version 1 deployed again")).to_be_visible()
    await expect(rows).to_have_count(3)
    assert script(site, path)["content"] == TAX


async def test_redeploy_of_old_version_asks_before_it_discards_draft(page: Page, site: Site) -> None:
    path = deployed(site)
    draft_call = f"/api/w/main/drafts/script/{path}"
    await page.goto(f"/w/main/scripts/{path}?tab=versions")
    await code_of(page, TAX.replace("0.2", "0.19"))
    await deploy(page, "Another rate")
    await code_of(page, TAX.replace("0.2", "0.07"))
    saved = page.get_by_role("status").filter(has_text="Draft saved")
    await expect(saved).to_be_visible()
    await page.get_by_label("Versions", exact=True).get_by_role("button", name="Compare").nth(1).click()
    await page.get_by_role("button", name="Deploy this version").click()
    question = page.get_by_role("dialog", name="Deploy version 1?")
    await question.get_by_role("button", name="Cancel").click()
    assert "0.19" in script(site, path)["content"]
    assert "0.07" in site.client.get(draft_call).json()["value"]["content"]
    await page.get_by_role("button", name="Deploy this version").click()
    await question.get_by_role("button", name="Discard draft and deploy").click()
    await expect(page.get_by_text("Version 1 deployed again")).to_be_visible()
    assert script(site, path)["content"] == TAX
    # The draft is discarded on the server as well, so that the next change is saved as a new one.
    await code_of(page, TAX.replace("0.2", "0.05"))
    await expect(saved).to_be_visible()
    assert "0.05" in site.client.get(draft_call).json()["value"]["content"]


async def test_old_script_version_is_deployed_again_from_the_list(page: Page, site: Site) -> None:
    """It always asks, and says that it discards a draft. The current version is not offered."""
    path = deployed(site)
    await page.goto(f"/w/main/scripts/{path}?tab=versions")
    await code_of(page, TAX.replace("0.2", "0.19"))
    await deploy(page, "Another rate")
    rows = page.get_by_label("Versions", exact=True).get_by_role("listitem")
    await expect(rows.first.get_by_role("button")).to_have_text(["Compare"])
    again = rows.last.get_by_role("button", name="Deploy version 1 again")
    question = page.get_by_role("dialog", name="Deploy version 1?")
    await again.click()
    await expect(question).to_contain_text("New runs use this version.")
    await question.get_by_role("button", name="Cancel").click()
    assert "0.19" in script(site, path)["content"]
    await again.click()
    await question.get_by_role("button", name="Deploy this version").click()
    await expect(page.get_by_text("Version 1 deployed again")).to_be_visible()
    await expect(rows).to_have_count(3)
    assert script(site, path)["content"] == TAX
    await code_of(page, TAX.replace("0.2", "0.07"))
    await expect(page.get_by_role("status").filter(has_text="Draft saved")).to_be_visible()
    await rows.nth(1).get_by_role("button", name="Deploy version 2 again").click()
    await page.get_by_role("dialog").get_by_role("button", name="Discard draft and deploy").click()
    await expect(rows).to_have_count(4)
    assert "0.19" in script(site, path)["content"]
    assert site.client.get(f"/api/w/main/drafts/script/{path}").json() is None


async def test_command_palette_creates_a_script(page: Page, site: Site) -> None:
    await page.goto("/w/main/runs")
    await page.get_by_role("button", name="Search and commands").click()
    await page.get_by_role("combobox", name="Search and commands").fill("New script")
    await expect(page.get_by_role("option", name="New script", selected=True)).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="New script").get_by_label("Name")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(f"{site.base}/w/main/scripts")


async def test_script_with_syntax_error_shows_position(page: Page, site: Site) -> None:
    path = deployed(site)
    await page.goto(f"/w/main/scripts/{path}")
    await expect(page.get_by_label("net", exact=True)).to_be_visible()
    await page.get_by_label("net", exact=True).fill("5")
    await code_of(page, "def main(net: float):\n    return net +\n")
    await expect(page.get_by_role("alert").filter(has_text="Line 2")).to_be_visible()
    await code_of(page, "def main(net: float, more: str):\n    return net\n")
    await expect(page.get_by_label("more", exact=True)).to_be_visible()
    await expect(page.get_by_label("net", exact=True)).to_have_value("5")


@pytest.mark.extended
async def test_two_pages_on_one_script_lose_nothing(page: Page, site: Site) -> None:
    path = deployed(site)
    await page.goto(f"/w/main/scripts/{path}")
    other = await page.context.new_page()
    await other.goto(f"/w/main/scripts/{path}")
    await code_of(page, "def main(): return 1\n")
    await expect(page.get_by_role("status").filter(has_text="Draft saved")).to_be_visible()
    await code_of(other, "def main(): return 2\n")
    await expect(other.get_by_role("alert")).to_contain_text("Another page has saved this draft")
    await other.get_by_role("link", name="Scripts", exact=True).click()
    question = other.get_by_role("dialog", name="Leave the page?")
    await expect(question).to_contain_text("would be lost")
    await question.get_by_role("button", name="Cancel").click()
    await expect(question).to_have_count(0)
    await expect(other.get_by_role("heading", name=f"Tax of {path}")).to_be_visible()
    await other.get_by_role("button", name="Keep this draft").click()
    await expect(other.get_by_role("status").filter(has_text="Draft saved")).to_be_visible()
    draft = site.client.get(f"/api/w/main/drafts/script/{path}").json()["value"]
    assert draft["content"] == "def main(): return 2\n"


async def test_missing_script_shows_not_found(page: Page) -> None:
    await page.goto("/w/main/scripts/f/scripts/nothing")
    await expect(page.get_by_role("heading", name="Not found")).to_be_visible()
