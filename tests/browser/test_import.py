"""Export of a workspace as an archive, and the import of one, whose effect is shown before anything is stored."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check
from tests.browser.test_settings import opens

API = "/api/w/main"


def archive(members: str | None = None, **values: str) -> dict[str, str | bytes]:
    """Return a file with variables of the folder `imports`, and a group if it has members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("f/imports/folder.meta.json", json.dumps({"summary": "Imports"}))
        made.writestr("README.md", "# Imports")
        if members is not None:
            made.writestr("groups/imports.group.json", json.dumps({"members": [members]}))
        for name, value in values.items():
            made.writestr(f"f/imports/{name}.variable.json", value)
    return {"name": "imports.zip", "mimeType": "application/zip", "buffer": buffer.getvalue()}


def variable(value: str) -> str:
    return json.dumps({"value": value, "is_secret": False, "description": ""})


@pytest.mark.extended
async def test_archive_is_imported_after_its_effect_is_shown(page: Page, site: Site, tmp_path: Path) -> None:
    await opens(page, "workspace", "Workspace settings")
    await page.get_by_role("button", name="Import…").click()
    dialog = page.get_by_role("dialog", name="Import an archive")
    store = dialog.get_by_role("button", name="Import", exact=True)
    effect = dialog.get_by_role("list", name="Effect of the import")
    file = dialog.get_by_label("Zip or tar file")
    await expect(store).to_be_disabled()
    await file.set_input_files({"name": "x.zip", "mimeType": "application/zip", "buffer": b"no archive"})
    await expect(dialog.get_by_role("alert")).to_contain_text("not a readable zip or tar archive")
    await file.set_input_files(archive(one="{", two=variable("2")))  # type: ignore[arg-type]
    await expect(dialog.get_by_text("f/imports/one.variable.json cannot be read")).to_be_visible()
    await expect(store).to_be_disabled()
    await file.set_input_files(archive("nobody", one=variable("1")))  # type: ignore[arg-type]
    await expect(dialog.get_by_role("alert")).to_contain_text("imports: nobody is not a member of the workspace.")
    await expect(store).to_be_disabled()
    await file.set_input_files(archive(one=variable("1"), two=variable("2")))  # type: ignore[arg-type]
    await expect(effect.get_by_role("listitem")).to_contain_text(
        ["Added: Folder imports", "Added: Variable f/imports/one", "Added: Variable f/imports/two"]
    )
    await expect(dialog.get_by_text("1 file belongs to no item and is left out.")).to_be_visible()
    assert site.client.get(f"{API}/variables/exists/f/imports/one").json() is False
    await check(page)
    await store.click()
    await expect(dialog).to_have_count(0)
    assert site.client.get(f"{API}/variables/get/f/imports/one").json()["value"] == "1"

    # Items that exist are shown as changed; one that changes after the plan was shown is not overwritten unseen.
    await page.get_by_role("button", name="Import…").click()
    await file.set_input_files(archive(one=variable("new"), two=variable("2")))  # type: ignore[arg-type]
    await expect(effect.get_by_role("listitem")).to_contain_text(["Changed: Variable f/imports/one"])
    await expect(dialog.get_by_text("2 items are unchanged.")).to_be_visible()
    site.client.post(f"{API}/variables/update/f/imports/two", json={"value": "changed"}).raise_for_status()
    await store.click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Items were changed since the plan was made")
    await expect(effect.get_by_role("listitem")).to_have_count(2)
    await store.click()
    await expect(dialog).to_have_count(0)
    assert site.client.get(f"{API}/variables/get/f/imports/two").json()["value"] == "2"
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Export", exact=True).click()
    await (await downloading.value).save_as(tmp_path / "main.zip")
    assert "f/imports/one.variable.json" in zipfile.ZipFile(tmp_path / "main.zip").namelist()

    # Admins export encrypted secrets, and replace the key that encrypts them.
    secret = {"path": "f/imports/token", "value": "hush-hush", "is_secret": True, "description": ""}
    site.client.post(f"{API}/variables/create", json=secret).raise_for_status()
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Export with encrypted secrets").click()
    await (await downloading.value).save_as(tmp_path / "secrets.zip")
    assert b'"$encrypted:' in zipfile.ZipFile(tmp_path / "secrets.zip").read("f/imports/token.variable.json")
    key = site.client.get(f"{API}/workspaces/encryption_key").json()["key"]
    await page.get_by_role("button", name="Encryption key…").click()
    shown = page.get_by_role("dialog", name="Encryption key of archives")
    await expect(shown.get_by_text(key)).to_be_visible()
    await check(page)
    replaced = shown.get_by_label("Key of another workspace")
    await replaced.fill("short")
    await shown.get_by_role("button", name="Replace key").click()
    await expect(shown.get_by_role("alert")).to_contain_text("32 to 256")
    await replaced.fill(key[::-1])
    await shown.get_by_role("button", name="Replace key").click()
    await expect(shown).to_have_count(0)
    assert site.client.get(f"{API}/workspaces/encryption_key").json()["key"] == key[::-1]


@pytest.mark.extended
async def test_comments_that_an_import_loses_are_shown(page: Page, site: Site) -> None:
    path = "f/importnotes/returns"
    site.client.post(f"{API}/folders/create", json={"name": "importnotes"}).raise_for_status()
    text = "# totals\rsummary: Totals\rvalue: {modules: []}\r"  # carriage returns alone are not edited
    body = {"path": path, "source": {"format": "yaml", "text": text}}
    site.client.post(f"{API}/flows/create", json=body).raise_for_status()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr(f"{path}.flow.json", json.dumps({"summary": "Sums", "value": {"modules": []}}))
    await opens(page, "workspace", "Workspace settings")
    await page.get_by_role("button", name="Import…").click()
    dialog = page.get_by_role("dialog", name="Import an archive")
    file = {"name": "notes.zip", "mimeType": "application/zip", "buffer": buffer.getvalue()}
    await dialog.get_by_label("Zip or tar file").set_input_files(file)  # type: ignore[arg-type]
    await expect(dialog.get_by_text(f"The YAML text of {path} cannot be edited")).to_be_visible()
