"""Lists of workflows and scripts: newest runs of each item, folders, the menu of a row."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import LIST
from tests.browser.test_runs_list import BAD, start


async def test_workflows_have_runs_folders_and_a_menu(page: Page, site: Site) -> None:
    site.deploy("f/rows/bad", BAD)
    site.deploy("f/rowstwo/kept", LIST)
    run = start(site, "f/rows/bad", wait=True)
    run_id = site.client.get("/api/w/main/jobs/list", params={"script_path_exact": "f/rows/bad"}).json()[0]["id"]
    assert run
    await page.goto("about:blank")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto("/w/main/workflows?q=f/rows&sort=path")
    rows = page.get_by_role("main").get_by_role("listitem")
    await expect(rows).to_contain_text(["f/rows", "f/rows/bad", "f/rowstwo", "f/rowstwo/kept"])
    bad = rows.filter(has_text="f/rows/bad")
    await expect(bad.get_by_role("img", name="Last run: 1 Failed")).to_be_visible()
    await expect(bad.get_by_role("link", name="Failed")).to_have_attribute("href", f"/w/main/runs/{run_id}")
    assert sum("item_histories" in url for url in asked) == 1, "one query for all rows"
    await rows.nth(1).get_by_role("link").first.focus()
    await page.keyboard.press("ArrowDown")
    await expect(rows.nth(2).get_by_role("button", name="f/rowstwo")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(rows).to_contain_text(["f/rows", "f/rows/bad", "f/rowstwo"])
    await page.keyboard.press("Enter")
    await page.keyboard.press("ArrowDown")
    await expect(rows.nth(3).get_by_role("link").first).to_be_focused()
    await bad.get_by_role("button", name="Favourite Bad").click()
    await page.get_by_label("Show", exact=True).select_option("Favourites")
    await expect(rows).to_contain_text(["f/rows", "f/rows/bad"])
    await bad.get_by_role("button", name="Favourite Bad", pressed=True).click()
    await expect(page.get_by_text("No matches")).to_be_visible()
    await page.get_by_label("Show", exact=True).select_option("Active")
    await bad.get_by_role("button", name="Actions for Bad").click()
    await expect(page.get_by_role("button", name="Duplicate")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Move f/rows/bad")
    await dialog.get_by_label("Id").fill("worse")
    await expect(dialog.get_by_text("No workflow, schedule or HTTP trigger refers to it.")).to_be_visible()
    await dialog.get_by_role("button", name="Move", exact=True).click()
    bad = rows.filter(has_text="f/rows/worse")
    await expect(bad.get_by_role("img", name="Last run: 1 Failed")).to_be_visible()
    await page.goto("/w/main/workflows/f/rows/bad")
    await page.wait_for_url("**/w/main/workflows/f/rows/worse")
    await page.goto("/w/main/workflows?q=f/rows&sort=path")
    await bad.get_by_role("button", name="Actions for Bad").click()
    await page.get_by_role("button", name="Archive or delete…").click()
    async with page.expect_response("**/flows/archive/**") as archived:
        await page.get_by_role("button", name="Archive", exact=True).click()
    assert (await archived.value).ok
    await expect(bad).to_have_count(0)
    await rows.last.get_by_role("button", name="Actions for").click()
    await page.get_by_role("button", name="Duplicate").click()
    await page.wait_for_url("**/w/main/workflows/f/rowstwo/kept_copy")
    await expect(page.get_by_role("button", name="No problems")).to_be_visible()


async def test_scripts_are_duplicated_archived_restored_and_deleted(page: Page, site: Site) -> None:
    code = {"path": "f/rows_three/code", "content": "echo 1", "language": "bash", "summary": "A code"}
    site.client.post("/api/w/main/folders/create", json={"name": "rows_three"}).raise_for_status()
    site.client.post("/api/workspaces/create", json={"id": "rows_copies", "name": "Copies"}).raise_for_status()
    site.client.post("/api/w/main/scripts/create", json={**code, "labels": ["finance"]}).raise_for_status()
    site.client.post("/api/w/main/jobs/run_wait_result/p/f/rows_three/code", json={}).raise_for_status()
    await page.goto("/w/main/scripts?q=rows_three")
    row = page.get_by_role("main").get_by_role("listitem")
    await expect(row.get_by_role("img", name="Last run: 1 Succeeded")).to_be_visible()
    menu = row.get_by_role("button", name="Actions for A code")
    await menu.click()
    await page.get_by_role("button", name="Archive", exact=True).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("No item that you can read uses it.")).to_be_visible()
    await dialog.get_by_role("button", name="Archive", exact=True).click()
    await expect(page.get_by_text("Archived f/rows_three/code")).to_be_visible()
    await expect(row).to_have_count(0)
    await page.get_by_label("Show", exact=True).select_option("Archived")
    await menu.click()
    await page.get_by_role("button", name="Restore", exact=True).click()
    await expect(row).to_have_count(0)
    await page.get_by_label("Show", exact=True).select_option("Active")
    await menu.click()
    await page.get_by_role("button", name="Duplicate").click()
    await page.wait_for_url("**/w/main/scripts/f/rows_three/code_copy")
    await expect(page.get_by_role("textbox", name="Code of the script")).to_contain_text("echo 1")
    await page.goto("/w/main/scripts?q=rows_three&sort=name")
    await expect(row).to_have_count(2)
    code_row = row.filter(has_not_text=re.compile("code_copy"))
    await code_row.get_by_role("button", name="finance").click()
    await expect(page.get_by_role("button", name="Label: finance")).to_be_visible()
    await code_row.get_by_role("checkbox", name="Select A code").check()
    bar = page.get_by_role("region", name="Actions for the selected items")
    await expect(bar.get_by_role("link", name="Export")).to_have_attribute("href", re.compile("include_tests=true"))
    async with page.expect_download() as exported:
        await bar.get_by_role("link", name="Export").click()
    assert (await exported.value).suggested_filename == "main.zip"
    await bar.get_by_role("button", name="Copy to workspace…").click()
    copying = page.get_by_role("dialog", name="Copy 1 item")
    await copying.get_by_label("Workspace").select_option("rows_copies")
    await copying.get_by_role("button", name="Copy", exact=True).click()
    await expect(page.get_by_text("Copied 1 item to rows_copies")).to_be_visible()
    copied = site.client.get("/api/w/rows_copies/scripts/get/p/f/rows_three/code").json()
    assert (copied["content"], copied["labels"]) == ("echo 1", ["finance"])
    await copies_what_was_shown(page, site)
    await code_row.get_by_role("checkbox", name="Select A code").check()
    async with page.expect_response("**/changes/set_archived") as together:
        await bar.get_by_role("button", name="Archive").click()
    assert (await together.value).ok
    await expect(page.get_by_text("Archived 1 item")).to_be_visible()
    await page.goto("/w/main/scripts?q=rows_three&show=archived")
    await row.get_by_role("checkbox", name="Select A code").check()
    await expect(bar.get_by_role("link", name="Export")).to_have_count(0)
    await bar.get_by_role("button", name="Restore").click()
    await expect(page.get_by_text("Restored 1 item")).to_be_visible()
    await page.goto("/w/main/scripts?q=rows_three&sort=name")
    await code_row.get_by_role("button", name="Actions for A code").click()
    await page.get_by_role("button", name="Delete…").click()
    await page.get_by_role("button", name="Delete permanently").click()
    await expect(row).to_have_count(1)
    assert site.client.get("/api/w/main/scripts/get/p/f/rows_three/code").status_code == 404


async def copies_what_was_shown(page: Page, site: Site) -> None:
    """Copy the script again: it is the same at first, then it is replaced, but only as the dialog has shown."""
    row = page.get_by_role("main").get_by_role("listitem").filter(has_not_text=re.compile("code_copy"))
    await row.get_by_role("checkbox", name="Select A code").check()
    bar = page.get_by_role("region", name="Actions for the selected items")
    await bar.get_by_role("button", name="Copy to workspace…").click()
    dialog = page.get_by_role("dialog", name="Copy 1 item")
    await dialog.get_by_label("Workspace").select_option("rows_copies")
    await expect(dialog.get_by_text("the other workspace has the same items already")).to_be_visible()
    copy = dialog.get_by_role("button", name="Copy", exact=True)
    await expect(copy).to_be_disabled()
    await dialog.get_by_role("button", name="Cancel").click()
    edit_copy(site, "echo 2")
    await bar.get_by_role("button", name="Copy to workspace…").click()
    await dialog.get_by_label("Workspace").select_option("rows_copies")
    await expect(dialog.get_by_text("These items already exist there:")).to_be_visible()
    await expect(copy).to_be_disabled()
    await dialog.get_by_label("Replace them").check()
    await expect(copy).to_be_enabled()
    edit_copy(site, "echo 3")
    await copy.click()
    await expect(dialog.get_by_role("alert")).to_contain_text("nothing was copied")
    assert site.client.get("/api/w/rows_copies/scripts/get/p/f/rows_three/code").json()["content"] == "echo 3"
    async with page.expect_response("**/rows_copies/changes/apply") as copied:
        await copy.click()
    assert (await copied.value).ok
    assert site.client.get("/api/w/rows_copies/scripts/get/p/f/rows_three/code").json()["content"] == "echo 1"
    await expect(dialog).to_have_count(0)


def edit_copy(site: Site, content: str) -> None:
    """Deploy another version of the copied script in its workspace."""
    address = "/api/w/rows_copies/scripts"
    newest = site.client.get(f"{address}/get/p/f/rows_three/code").json()["hash"]
    body = {"path": "f/rows_three/code", "content": content, "language": "bash", "parent_hash": newest}
    site.client.post(f"{address}/create", json=body).raise_for_status()
