"""Pages of the settings for variables, resources and their types."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check
from tests.browser.test_runs_list import GOOD
from tests.browser.test_settings import SETTINGS, is_accessible, opens, rows


async def test_variables_are_created_changed_and_never_shown_if_secret(page: Page, site: Site) -> None:
    site.client.post("/api/w/main/folders/create", json={"name": "vault"}).raise_for_status()
    await opens(page, "variables", "Variables")
    await page.get_by_role("button", name="New variable").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_role("alert")).to_have_text(["Required", "Required"])
    await dialog.get_by_role("combobox", name="Folder").select_option("f/vault")
    await dialog.get_by_label("Id", exact=True).fill("api key")
    await dialog.get_by_label("Secret:").check()
    # A secret may have lines, as private keys do, and is not readable while it is typed.
    value = dialog.get_by_label("Value", exact=True)
    await value.fill("open\nsesame")
    await expect(value).to_have_value("open\nsesame")
    await expect(value).to_have_css("-webkit-text-security", "disc")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_role("alert")).to_have_count(1)
    await dialog.get_by_label("Id", exact=True).fill("api_key")
    await check(page)
    await dialog.get_by_role("button", name="Create").click()
    row = rows(page, "Variables").filter(has_text="f/vault/api_key")
    await expect(row).to_contain_text("Secret")
    # The value is neither shown nor sent to the page, and is unchanged if its field is left empty.
    await row.get_by_role("button", name="Edit").click()
    await expect(dialog.get_by_label("Value", exact=True)).to_have_value("")
    await dialog.get_by_label("Description").fill("For the shop")
    await dialog.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text("For the shop")
    await expect(page.get_by_text("sesame")).to_have_count(0)
    stored = site.client.get("/api/w/main/variables/get/f/vault/api_key").json()
    assert (stored["is_secret"], stored.get("value")) == (True, None)
    await is_accessible(page)
    # A plain variable shows its value; the search finds it.
    await page.get_by_role("button", name="New variable").click()
    await dialog.get_by_label("Id", exact=True).fill("shop")
    await dialog.get_by_label("Value", exact=True).fill("https://shop.example.org")
    await dialog.get_by_role("button", name="Create").click()
    await page.get_by_label("Search: Variables").fill("vault shop")
    plain = rows(page, "Variables").filter(has_text="https://shop.example.org")
    await expect(plain).to_have_count(1)
    # What somebody else stored while the form was open is shown, and replaced only by saving again.
    await plain.get_by_role("button", name="Edit").click()
    theirs = {"value": "https://theirs.example.org"}
    site.client.post("/api/w/main/variables/update/f/vault/shop", json=theirs).raise_for_status()
    await dialog.get_by_label("Description").fill("Mine")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("https://theirs.example.org")
    assert site.client.get("/api/w/main/variables/get/f/vault/shop").json()["value"] == theirs["value"]
    await check(page)
    await dialog.get_by_role("button", name="Save").click()
    await expect(plain).to_contain_text("Mine")
    # Its references are shown on request, and before it is deleted.
    path = "f/vault/shop"
    site.deploy("f/settings/buyer", GOOD.replace("modules:", f"flow_env: {{shop: '$var:{path}'}}, modules:"))
    await plain.get_by_role("button", name=f"Actions for {path}").click()
    await page.get_by_role("button", name="Used by").click()
    user = dialog.get_by_role("list", name="Used by").get_by_role("listitem")
    await expect(user).to_contain_text("f/settings/buyer")
    await expect(user.get_by_role("link", name="Good", exact=True)).to_be_visible()
    await check(page)
    await dialog.get_by_role("button", name="Close").click()
    await plain.get_by_role("button", name="Delete").click()
    await expect(dialog.get_by_text("1 item uses it:")).to_be_visible()
    await dialog.get_by_role("button", name="Delete", exact=True).click()
    await expect(plain).to_have_count(0)


@pytest.mark.extended
async def test_resource_has_form_of_its_type_with_secret_fields(page: Page, site: Site) -> None:
    site.client.post("/api/w/main/folders/create", json={"name": "systems"}).raise_for_status()
    await create_resource_type(page)
    await create_resource(page)
    await change_resource(page, site)
    await save_resource_that_cannot_be_read_again(page, site)
    await check_connection(page, site)
    await delete_resource_after_failed_deletion_of_type(page)


async def create_resource_type(page: Page) -> None:
    await opens(page, "resource-types", "Resource types")
    await expect(rows(page, "Resource types").filter(has_text="postgresql")).to_contain_text("Built in")
    await page.get_by_role("button", name="New resource type").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("JSON Schema").fill("{")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_role("alert")).to_have_text(["Required", "Not valid JSON"])
    await dialog.get_by_label("Name").fill("shop")
    properties = {"url": {"type": "string"}, "key": {"type": "string", "password": True}, "port": {"type": "integer"}}
    schema = {"type": "object", "properties": properties, "required": ["url", "key"]}
    await dialog.get_by_label("JSON Schema").fill(json.dumps(schema))
    await check(page)
    await dialog.get_by_role("button", name="Create").click()
    await page.get_by_label("Search: Resource types").fill("shop")
    await expect(rows(page, "Resource types")).to_contain_text(["Fields: url, key, port"])
    await is_accessible(page)


async def create_resource(page: Page) -> None:
    """Fill in the form, which has the fields of the chosen type, with errors at the fields."""
    dialog = page.get_by_role("dialog")
    await page.get_by_role("link", name="Resources", exact=True).click()
    await page.get_by_role("button", name="New resource", exact=True).click()
    await dialog.get_by_role("combobox", name="Folder").select_option("f/systems")
    await dialog.get_by_label("Id", exact=True).fill("shop")
    # The choice of a type keeps the focus, and what was entered beside it.
    chosen = dialog.get_by_role("combobox", name="Type")
    await dialog.get_by_label("Description").fill("Sells things")
    await chosen.focus()
    await page.keyboard.press("ArrowDown")
    await expect(chosen).not_to_have_value("")
    await expect(chosen).to_be_focused()
    await expect(dialog.get_by_label("Description")).to_have_value("Sells things")
    await chosen.select_option("shop")
    await dialog.get_by_label("url").fill("https://shop.example.org")
    await dialog.get_by_label("port", exact=True).fill("many")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_role("alert").first).to_have_text("Required")
    await dialog.get_by_label("port", exact=True).fill("443")
    await dialog.get_by_label("key").fill("open sesame")
    await check(page)
    await dialog.get_by_role("button", name="Create").click()


async def change_resource(page: Page, site: Site) -> None:
    """Change a field. The secret is not shown, and remains as it is if its field stays empty."""
    dialog = page.get_by_role("dialog")
    await rows(page, "Resources").filter(has_text="f/systems/shop").get_by_role("button", name="Edit").click()
    await expect(dialog.get_by_label("port", exact=True)).to_have_value("443")
    await expect(dialog.get_by_label("key")).to_have_value("")
    await dialog.get_by_label("port", exact=True).fill("8443")
    # A change that was stored meanwhile is shown first.
    theirs = {"description": "Theirs"}
    site.client.post("/api/w/main/resources/update/f/systems/shop", json=theirs).raise_for_status()
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Theirs")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    assert site.client.get("/api/w/main/resources/get/f/systems/shop").json()["value"] == {
        "url": "https://shop.example.org",
        "port": 8443,
        "key": "***",
    }
    await is_accessible(page)


async def save_resource_that_cannot_be_read_again(page: Page, site: Site) -> None:
    """Save a change: the form is closed, as the change is stored."""
    dialog = page.get_by_role("dialog")
    await rows(page, "Resources").filter(has_text="f/systems/shop").get_by_role("button", name="Edit").click()
    await dialog.get_by_label("port", exact=True).fill("9443")
    await page.route("**/resources/get/**", lambda route: route.fulfill(status=403, json={}))
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    await page.unroute_all()
    assert site.client.get("/api/w/main/resources/get/f/systems/shop").json()["value"]["port"] == 9443


async def check_connection(page: Page, site: Site) -> None:
    """Test a connection with the saved values; the server does not connect to itself."""
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="New resource", exact=True).click()
    await dialog.get_by_role("combobox", name="Folder").select_option("f/systems")
    await dialog.get_by_label("Id", exact=True).fill("mail")
    await dialog.get_by_role("combobox", name="Type").select_option("smtp")
    await dialog.get_by_label("host").fill("127.0.0.1")
    await dialog.get_by_role("button", name="Save and test connection").click()
    await expect(dialog.get_by_role("status")).to_contain_text("127.0.0.1 is not a public address")
    # The resource is stored by the first test, and changed by the next one.
    await dialog.get_by_label("host").fill("127.0.0.2")
    await dialog.get_by_role("button", name="Save and test connection").click()
    await expect(dialog.get_by_role("status")).to_contain_text("127.0.0.2 is not a public address")
    assert site.client.get("/api/w/main/resources/get/f/systems/mail").json()["value"]["host"] == "127.0.0.2"
    await check(page)
    await dialog.get_by_role("button", name="Cancel").click()


async def delete_resource_after_failed_deletion_of_type(page: Page) -> None:
    """Try to delete the type, which is in use; then delete the resource."""
    dialog = page.get_by_role("dialog")
    row = rows(page, "Resources").filter(has_text="f/systems/shop")
    await page.goto(f"{SETTINGS}/resource-types?q=shop")
    types = rows(page, "Resource types")
    await types.get_by_role("button", name="Delete shop").click()
    await dialog.get_by_role("button", name="Delete", exact=True).click()
    await expect(types.get_by_role("alert")).to_contain_text("Resources of the type shop exist.")
    await page.goto(f"{SETTINGS}/resources?q=shop")
    await row.get_by_role("button", name="Delete").click()
    await dialog.get_by_role("button", name="Delete", exact=True).click()
    await expect(row).to_have_count(0)
