"""Names of new scripts and the ids that are made from them."""

from __future__ import annotations

from playwright.async_api import Page, expect


async def test_new_script_has_name_from_which_its_id_is_made(page: Page) -> None:
    await page.goto("/w/main/scripts")
    await page.get_by_role("button", name="New script").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name", exact=True).fill("Größe prüfen")
    await expect(dialog.get_by_label("Id", exact=True)).to_have_value("groesse_pruefen")
    await dialog.get_by_role("button", name="Create script").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Größe prüfen")
