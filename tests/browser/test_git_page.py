"""Page of the Git repository of a workspace."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_settings import is_accessible, opens, rows
from tests.git_repositories import GitServer, commit_files


@pytest.mark.extended
async def test_repository_is_bound_and_its_changes_are_applied(page: Page, site: Site, git_folder: Path) -> None:
    server = GitServer(git_folder / "main")
    repo = server.create("page")
    await opens(page, "git", "Git")
    await expect(page.get_by_text("Not bound to a repository")).to_be_visible()
    await page.get_by_role("button", name="Bind repository").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Bind repository").click()
    await expect(dialog.get_by_role("alert")).to_have_text(["Required"])
    await dialog.get_by_label("URL").fill("ext::sh -c x")
    await dialog.get_by_role("button", name="Bind repository").click()
    await expect(dialog).to_contain_text("not that of a Git repository")
    await is_accessible(page)
    await dialog.get_by_label("URL").fill(Path(repo.path).as_uri())
    await dialog.get_by_role("button", name="Bind repository").click()
    await expect(dialog).to_be_hidden()
    # The first commit has the items of all tests before this one.
    exported = rows(page, "Commits").first
    await expect(exported).to_contain_text("Export of the workspace main", timeout=180_000)
    await expect(page.get_by_text("No changes to apply.")).to_be_visible()
    state = page.get_by_role("region", name="Repository", exact=True)
    await expect(state).to_contain_text("Synchronised")
    # One item changes on both sides, another in the repository alone.
    variable = {"path": "u/admin/region", "value": "north", "is_secret": False, "description": ""}
    site.client.post("/api/w/main/variables/create", json=variable).raise_for_status()
    await expect(rows(page, "Commits").first).to_contain_text("Create the variable u/admin/region", timeout=180_000)
    files = {f"u/admin/{name}.variable.yaml": b"value: south\nis_secret: false\n" for name in ("region", "added")}
    commit_files(repo, files, "By hand")
    site.client.post("/api/w/main/variables/update/u/admin/region", json={"value": "east"}).raise_for_status()
    await page.get_by_role("button", name="Fetch now").click()
    incoming = rows(page, "Changes of the repository")
    await expect(incoming).to_have_count(2)
    await expect(incoming.last).to_contain_text("Variable")
    await expect(state).to_contain_text("1 conflict")
    apply = page.get_by_role("button", name="Apply changes")
    await expect(apply).to_be_disabled()
    # The contents of an item are fetched when it is opened.
    async with page.expect_response(re.compile("/git/incoming/variable/.*region")) as fetched:
        await page.get_by_role("button", name="Differences of u/admin/region").click()
    assert (await fetched.value).ok
    await expect(incoming.last).to_contain_text(re.compile("In the workspace.*In the repository.*south", re.DOTALL))
    await is_accessible(page)
    # The item without a conflict is applied first, the other one remains.
    await page.get_by_label("Apply u/admin/region").uncheck()
    await apply.click()
    await expect(incoming).to_have_count(1)
    await page.get_by_label("Side of u/admin/region").select_option("repository")
    await page.get_by_label("Message (optional)").fill("Reviewed")
    await apply.click()
    await expect(page.get_by_text("No changes to apply.")).to_be_visible()
    assert site.client.get("/api/w/main/variables/get/u/admin/region").json()["value"] == "south"
    # An item that is deleted and still used is named; one that cannot be read is left out.
    resource = {"path": "u/admin/uses_region", "value": {"region": "$var:u/admin/region"}, "resource_type": "any"}
    site.client.post("/api/w/main/resources/create", json=resource).raise_for_status()
    await expect(rows(page, "Commits").first).to_contain_text("Create the resource", timeout=180_000)
    secret = {"u/admin/leaked.variable.yaml": b"value: s3cret\nis_secret: true\n"}
    commit_files(repo, {"u/admin/region.variable.yaml": None, **secret}, "By hand")
    await page.get_by_role("button", name="Fetch now").click()
    await expect(state).to_contain_text("2 changes to apply", timeout=180_000)
    leaked = incoming.filter(has_text="u/admin/leaked")
    await expect(leaked).to_contain_text("Contains a secret in clear (/value), which remains readable")
    commit_files(repo, {"u/admin/leaked.variable.yaml": None, "u/admin/broken.variable.yaml": b"value: ["}, "By hand")
    await page.get_by_role("button", name="Fetch now").click()
    await expect(leaked).to_have_count(0, timeout=180_000)
    await expect(incoming).to_have_count(2)
    still_used = "Still used by Resource u/admin/uses_region"
    await expect(incoming.filter(has_text="u/admin/region")).to_contain_text(still_used)
    broken = incoming.filter(has_text="u/admin/broken")
    await expect(broken).to_contain_text("Cannot be read")
    await expect(page.get_by_label("Apply u/admin/broken")).not_to_be_checked()
    await page.get_by_label("Apply u/admin/broken").check()
    await expect(page.get_by_label("Side of u/admin/broken").get_by_role("option")).to_have_text(["Select a side"])
    await page.get_by_label("Apply u/admin/broken").uncheck()
    await is_accessible(page)
    await apply.click()
    await expect(incoming).to_have_count(1)
    assert site.client.get("/api/w/main/variables/exists/u/admin/region").json() is False
    # A script that was moved in the workspace is changed in the repository at its former path.
    commit_files(repo, {"u/admin/broken.variable.yaml": None}, "By hand")
    script = {"path": "u/admin/git_origin", "summary": "", "content": "def main(): return 1", "language": "python3"}
    site.client.post("/api/w/main/scripts/create", json=script).raise_for_status()
    await expect(rows(page, "Commits").first).to_contain_text("u/admin/git_origin", timeout=180_000)
    move = {"items": [{"kind": "script", "path": "u/admin/git_origin", "target": "u/admin/git_target"}]}
    commit_files(repo, {"u/admin/git_origin.py": b"def main(): return 2"}, "By hand")
    site.client.post("/api/w/main/moves/apply", json=move).raise_for_status()
    await page.get_by_role("button", name="Fetch now").click()
    moved = incoming.filter(has_text="u/admin/git_origin")
    await expect(moved).to_contain_text("Moved to u/admin/git_target in the workspace", timeout=180_000)
    # A folder whose file is deleted remains as long as it has items, for a reason that the page shows.
    commit_files(repo, {"f/examples/folder.meta.yaml": None}, "By hand")
    await page.get_by_role("button", name="Fetch now").click()
    kept = incoming.filter(has_text="Folder")
    await expect(kept).to_contain_text("the workspace has items in this folder", timeout=180_000)
    await expect(kept.get_by_role("button")).to_have_count(0)
    await is_accessible(page)
    await page.get_by_role("button", name="Unbind repository").click()
    await dialog.get_by_role("button", name="Unbind repository").click()
    await expect(page.get_by_role("button", name="Bind repository")).to_be_visible()
    site.client.delete("/api/w/main/variables/delete/u/admin/added").raise_for_status()
    site.client.post("/api/w/main/scripts/delete/p/u/admin/git_target").raise_for_status()
    site.client.delete("/api/w/main/resources/delete/u/admin/uses_region").raise_for_status()
    server.close()
