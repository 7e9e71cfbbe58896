"""Import of a release file on the page of environments."""

from __future__ import annotations

import pytest
from playwright.async_api import FilePayload, Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check
from tests.browser.test_environments import create_flow, post, shoot

pytestmark = pytest.mark.extended


async def test_release_file_is_imported(page: Page, site: Site) -> None:
    """A file that no trusted key signed is refused with the way to trust it; another one becomes a release."""
    for workspace in ("files-dev", "files-live"):
        post(site, "/api/workspaces/create", {"id": workspace, "name": workspace})
        post(site, f"/api/w/{workspace}/folders/create", {"name": "shop"})
    create_flow(site, "/api/w/files-dev", "f/shop/exported", "Exported", "type: identity")
    items = [{"kind": "flow", "path": "f/shop/exported"}]
    post(site, "/api/w/files-dev/releases/create", {"items": items, "notes": "By file"})
    file = site.client.get("/api/w/files-dev/releases/export/1").content
    key = site.client.get("/api/releases/key").json()["public_key"]
    post(site, "/api/settings/global/trusted_release_keys", {"value": {"here": key}})
    await page.goto("/w/files-live/environments")
    await page.get_by_role("button", name="Import…").click()
    dialog = page.get_by_role("dialog", name="Import a release")
    confirm = dialog.get_by_role("button", name="Import", exact=True)
    await expect(confirm).to_be_disabled()

    async def choose(name: str, content: bytes) -> None:
        file: FilePayload = {"name": name, "mimeType": "application/json", "buffer": content}
        await dialog.get_by_label("Release file").set_input_files(file)

    for name, content, problem in (
        ("notes.json", b"{", "notes.json is not a release file."),
        ("changed.json", file.replace(b"By file", b"By hand"), "trusted_release_keys"),
    ):
        await choose(name, content)
        await confirm.click()
        await expect(dialog).to_contain_text(problem)
    await check(page)
    await shoot(page, "import-release")
    await choose("release.json", file)
    await confirm.click()
    await page.wait_for_url("**/w/files-live/environments/releases/1")
    await expect(page.get_by_text("Imported from files-dev, release 1")).to_be_visible()
