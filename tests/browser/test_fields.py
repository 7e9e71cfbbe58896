"""Form of a node: fields with values, expressions or connections; data of the last run; pickers; errors."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect
from tests.browser.conftest import ROOT, Site, write_code
from tests.browser.test_editing import add, draft_saved, flow, node, opened
from tests.browser.test_settings import is_accessible

SOURCE = """value:
  modules:
    - id: give
      value:
        type: rawscript
        language: bash
        content: |
          echo '{"price": 41, "order-id": "x7", "items": [{"sku": "tea"}]}'
        input_transforms: {}
    - id: more
      value:
        type: rawscript
        language: python3
        content: |
          from typing import Literal


          def main(n: int, how: Literal["fast", "slow"] = "fast", note: str = ""):
              return n
        input_transforms:
          n: {type: static, value: 1}
schema: {type: object, properties: {customer: {type: string}}}
"""
DATABASE = """value:
  modules:
    - id: ask
      value: {type: rawscript, language: postgresql, content: SELECT 1, input_transforms: {}}
    - id: who
      value: {type: approval, message: Go on?}
"""
NO_DATABASE = "1 problem"
"""Problem of the first node."""


def draft(site: Site, path: str) -> str:
    text: str = site.client.get(f"/api/w/main/drafts/flow/{path}").json()["value"]["source"]["text"]
    return text


def run(site: Site, path: str, args: Any) -> None:
    """Run a workflow until it ends, so that there are results."""
    answer = site.client.post(f"/api/w/main/jobs/run_wait_result/f/{path}", json=args)
    assert answer.status_code == 200, answer.text


async def prepared(page: Page, site: Site) -> str:
    """Run a new workflow and open its second node; return its path."""
    path = await opened(page, site, SOURCE)
    run(site, path, {"customer": "Ada"})
    await page.goto(f"/w/main/workflows/{path}?panel=node&node=more")
    await expect(page.get_by_role("group", name="Input mode of n", exact=True)).to_be_visible()
    return path


async def test_data_picker_offers_a_test_before_the_first_run(page: Page, site: Site) -> None:
    await opened(page, site, SOURCE, "?panel=node&node=more")
    await fill_in(page, "n", "Connected")
    data = page.get_by_label("Data", exact=True)
    await expect(data).to_contain_text("Test the workflow to see real values.")
    await data.get_by_role("button", name="Test workflow").click()
    await expect(page.get_by_role("complementary", name="Test")).to_be_visible()


async def fill_in(page: Page, field: str, way: str) -> None:
    await page.get_by_role("group", name=f"Input mode of {field}", exact=True).get_by_role("button", name=way).click()


async def test_field_is_connected_to_actual_node_result(page: Page, site: Site) -> None:
    path = await prepared(page, site)
    await fill_in(page, "n", "Connected")
    data = page.get_by_label("Data", exact=True)
    await expect(data.get_by_title("Insert results.give.price")).to_contain_text("41")
    await data.get_by_label("Search data").fill("tea")
    await data.get_by_title("Insert results.give.items[0].sku").click()
    await expect(page.get_by_role("button", name="n: results.give.items[0].sku")).to_contain_text('"tea"')
    await page.get_by_role("button", name="n: results.give.items[0].sku").click()
    await data.get_by_title('Insert results.give["order-id"]').click()
    await draft_saved(page)
    assert 'expr: results.give["order-id"]' in draft(site, path)
    # Each choice is a step of its own.
    await page.get_by_role("button", name="Undo: Set n of more").click()
    await expect(page.get_by_role("button", name="n: results.give.items[0].sku")).to_be_visible()
    await page.get_by_role("button", name="Undo: Set n of more").click()
    await expect(page.get_by_role("status").filter(has_text="Deployed")).to_be_visible()


@pytest.mark.extended
async def test_data_is_put_in_at_the_cursor_and_inputs_have_their_last_values(page: Page, site: Site) -> None:
    path = await prepared(page, site)
    await fill_in(page, "n", "Expression")
    code = page.get_by_role("textbox", name="n", exact=True)
    await write_code(code, "1 +  * 2")
    for _ in range(4):
        await code.press("ArrowLeft")
    await page.get_by_role("button", name="Pick data").click()
    data = page.get_by_label("Data", exact=True)
    await expect(data.get_by_label("Search data")).to_be_focused()
    await data.get_by_role("button", name="Collapse Workflow input").click()
    await expect(data.get_by_title("Insert flow_input.customer")).to_have_count(0)
    await data.get_by_role("button", name="Expand Workflow input").click()
    await expect(data.get_by_title("Insert flow_input.customer")).to_contain_text("Ada")
    await data.get_by_title("Insert results.give.price").click()
    await expect(code).to_have_text("1 + results.give.price * 2")
    await draft_saved(page)
    assert "1 + results.give.price * 2" in draft(site, path)
    # The example of a new loop is replaced as a whole.
    await page.get_by_role("button", name="Add a node after more").click()
    await add(page, "For-each loop")
    await page.get_by_role("button", name="Pick data").click()
    await data.get_by_title("Insert results.give", exact=True).click()
    await expect(page.get_by_role("button", name="Iterate over: results.give")).to_be_visible()


AT_ONCE = """async (_, text) => {
  const { port1, port2 } = new MessageChannel();
  for (const each of text) {
    document.execCommand("insertText", false, each);
    await new Promise(done => { port1.onmessage = done; port2.postMessage(null); });
  }
}"""


@pytest.mark.extended
async def test_names_are_completed_from_real_shapes(page: Page, site: Site) -> None:
    await prepared(page, site)
    await fill_in(page, "n", "Expression")
    code = page.get_by_role("textbox", name="n", exact=True)
    await write_code(code, "")
    await code.press_sequentially("results.give.pr")
    options = page.locator(".cm-tooltip-autocomplete").get_by_role("option")
    await expect(options).to_have_count(1)
    await expect(options).to_contain_text("41")
    await options.click()
    await expect(code).to_have_text("results.give.price")
    await write_code(code, "")
    # Keys that are pressed within the same frame are all processed.
    await code.evaluate(AT_ONCE, "results.give.ord")
    await expect(options).to_have_count(1)
    await expect(options).to_contain_text("order-id")
    await options.click()
    await expect(code).to_have_text('results.give["order-id"]')


@pytest.mark.extended
async def test_input_form_follows_signature(page: Page, site: Site) -> None:
    path = await prepared(page, site)
    await page.get_by_label("how", exact=True).select_option("slow")
    await page.get_by_label("note", exact=True).fill("42")
    await draft_saved(page)
    text = draft(site, path)
    assert "value: slow" in text and 'value: "42"' in text


async def test_faults_stand_at_their_lines(page: Page, site: Site) -> None:
    await prepared(page, site)
    code = page.get_by_role("textbox", name="Code")
    await write_code(code, "x = 1\ndef main(:\n  pass")
    await expect(page.locator(".cm-line").nth(1).locator(".cm-lintRange-error")).to_be_visible()
    await expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    await page.get_by_role("button", name="1 problem").click()
    await page.get_by_role("button", name="cannot be read: line 2").click()
    await write_code(code, "def main(n: int): ...")
    await expect(page.locator(".cm-lint-marker-error")).to_have_count(0)
    await fill_in(page, "n", "Expression")
    await write_code(page.get_by_role("textbox", name="n", exact=True), "1 + ")
    await expect(page.get_by_role("alert").filter(has_text="cannot be parsed")).to_be_visible()


@pytest.mark.extended
async def test_resource_is_selected_by_type(page: Page, site: Site) -> None:
    for name, kind in (("shop", "postgresql"), ("chat", "slack")):
        body = {"path": f"f/fields/{name}", "resource_type": kind, "value": {}}
        site.client.post(
            "/api/w/main/resources/create", params={"update_if_exists": True}, json=body
        ).raise_for_status()
    path = await opened(page, site, DATABASE, "?panel=node&node=ask", NO_DATABASE)
    await page.get_by_role("button", name="database: select a postgresql resource").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("option", name="$res:f/fields/shop")).to_be_visible()
    await expect(dialog.get_by_role("option", name="$res:f/fields/chat")).to_have_count(0)
    await dialog.get_by_role("option", name="$res:f/fields/shop").click()
    await draft_saved(page)
    assert "value: $res:f/fields/shop" in draft(site, path)


@pytest.mark.extended
async def test_resource_and_secret_are_created_from_a_field(page: Page, site: Site) -> None:
    """The form opens above the canvas, and the field refers to the new item."""
    path = await opened(page, site, DATABASE, "?panel=node&node=ask", NO_DATABASE)
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="database: select a postgresql resource").click()
    await dialog.get_by_role("button", name="New postgresql resource").click()
    await expect(dialog.get_by_role("heading")).to_have_text("New postgresql resource")
    await expect(dialog.get_by_role("combobox", name="Folder")).to_have_value("/".join(path.split("/")[:2]))
    await dialog.get_by_label("Id", exact=True).fill("made_here")
    await expect(dialog.get_by_label("Type", exact=True)).to_have_count(0)
    await dialog.get_by_label("host").fill("db.example.org")
    await dialog.get_by_label("dbname").fill("shop")
    await dialog.get_by_label("user").fill("shop")
    await is_accessible(page)
    await dialog.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("button", name="database: $res:")).to_contain_text("/made_here")
    await draft_saved(page)
    assert "/made_here" in draft(site, path)
    await expect(node(page, "ask")).to_be_visible()
    # A field of a text can refer to a new secret. It is not created before its folder is known.
    held: asyncio.Future[Route] = asyncio.get_running_loop().create_future()
    await page.route("**/folders/listnames*", lambda route: held.set_result(route), times=1)
    path = await opened(page, site, SOURCE, "?panel=node&node=more")
    await page.get_by_role("button", name="Select a variable or resource for note").click()
    await dialog.get_by_role("button", name="New variable or secret").click()
    await dialog.get_by_label("Id", exact=True).fill("made_here")
    await dialog.get_by_label("Value", exact=True).fill("open sesame")
    await expect(dialog.get_by_role("button", name="Create")).to_be_disabled()
    await (await held).continue_()
    await dialog.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("textbox", name="note", exact=True)).to_have_value(re.compile(r"\$var:.*/made_here"))
    await draft_saved(page)
    made = site.client.get("/api/w/main/variables/list").json()
    assert [each["is_secret"] for each in made if each["path"].endswith("/made_here")] == [True]


@pytest.mark.extended
async def test_approvers_are_chosen_from_people_and_groups(page: Page, site: Site) -> None:
    site.client.post("/api/w/main/groups/create", json={"name": "finance", "summary": "Who pays"})
    path = await opened(page, site, DATABASE, "?panel=node&node=who", NO_DATABASE)
    chosen = page.get_by_label("Approvers").get_by_role("listitem")
    for word in ("finance", "u/admin"):
        await page.get_by_role("button", name="Add approver").click()
        await page.get_by_placeholder("Search members, groups and roles").fill(word)
        await expect(page.get_by_role("option").first).to_contain_text(word)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(chosen.filter(has_text=word)).to_be_visible()
    await draft_saved(page)
    assert "approvers:" in draft(site, path) and "g/finance" in draft(site, path) and "u/admin" in draft(site, path)
    await page.get_by_role("button", name="Remove g/finance").click()
    await expect(chosen.filter(has_text="finance")).to_have_count(0)
    await node(page, "ask").click()
    await page.get_by_text("Approval before the next node").click()
    await page.get_by_label("Wait for approval").check()
    await page.get_by_label("Require login to decide").check()
    await page.get_by_label("Starter may not approve").check()
    await page.get_by_label("Continue if rejected or timed out").check()
    await page.get_by_label("Timeout (s)", exact=True).fill("3600")
    await page.get_by_role("button", name="Add group").click()
    await page.get_by_role("option", name="finance").click()
    form = page.get_by_label("Approval form", exact=True)
    await form.get_by_label("Field name").fill("reason")
    await page.keyboard.press("Enter")
    await expect(form.get_by_label("Type of reason")).to_be_visible()
    await draft_saved(page)
    given = {"summary": "Approved", "path": path, "source": {"format": "yaml", "text": draft(site, path)}}
    site.client.post(f"/api/w/main/flows/update/{path}", json=given).raise_for_status()
    suspend = flow(site, path)["value"]["modules"][0]["suspend"]
    assert suspend["resume_form"]["schema"]["properties"] == {"reason": {"type": "string"}}
    assert {key: value for key, value in suspend.items() if key != "resume_form"} == {
        "required_events": 1,
        "user_auth_required": True,
        "self_approval_disabled": True,
        "continue_on_disapprove_timeout": True,
        "timeout": 3600,
        "user_groups_required": {"type": "static", "value": ["finance"]},
    }
    await page.get_by_label("Wait for approval").uncheck()
    await draft_saved(page)
    assert "suspend" not in draft(site, path)


async def test_node_without_script_is_reported_until_script_is_selected(page: Page, site: Site) -> None:
    body = {"path": "f/fields/tax", "content": "def main(net: float):\n    return net * 1.2\n", "language": "python3"}
    site.client.post("/api/w/main/scripts/create", json=body)
    await opened(page, site, DATABASE, problems=NO_DATABASE)
    await page.keyboard.press("n")
    await page.get_by_placeholder("Add a node").fill("Deployed script")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert").filter(has_text="names no script")).to_be_visible()
    await page.get_by_role("button", name="Select a script").click()
    await page.get_by_placeholder("Search by name or path").fill("tax")
    await expect(page.get_by_role("option", name="f/fields/tax")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("group", name="Input mode of net")).to_be_visible()
    await expect(page.get_by_role("alert").filter(has_text="the required input 'net' has no value")).to_be_visible()
    # The second problem is the missing database of the first node.
    await expect(page.get_by_role("button", name="2 problems")).to_be_visible()
    await fill_in(page, "net", "Expression")
    await write_code(page.get_by_role("textbox", name="net", exact=True), "1 + 1")
    await expect(page.get_by_role("button", name="1 problem")).to_be_visible()
    await expect(page.get_by_role("link", name="Open")).to_have_attribute("href", "/w/main/scripts/f/fields/tax")


async def test_input_of_integration_is_connected_by_its_name(page: Page, site: Site) -> None:
    """The label, which is translated, is not its name."""
    code = (ROOT / "examples" / "integrations" / "send_mail.py").read_text()
    mail = {"type": "rawscript", "language": "python3", "content": code, "input_transforms": {}}
    schema = {"type": "object", "properties": {"to": {"type": "array"}}}
    site.deploy("f/fields/mail", json.dumps({"value": {"modules": [{"id": "mail", "value": mail}]}, "schema": schema}))
    await page.add_init_script("localStorage.setItem('orvanta.language', 'de')")
    await page.goto("/w/main/workflows/f/fields/mail?panel=node&node=mail")
    mode = page.get_by_role("group", name="Eingabeart von An", exact=True)
    await mode.get_by_role("button", name="Verbunden").click()
    await expect(page.get_by_role("button", name="An: flow_input.to")).to_be_visible()


async def test_input_is_connected_to_the_only_value_of_its_name(page: Page, site: Site) -> None:
    path = await opened(
        page,
        site,
        SOURCE.replace("customer:", "n:").replace("{type: static, value: 1}", "{type: static}"),
        "?panel=node&node=more",
    )
    await fill_in(page, "n", "Connected")
    await expect(page.get_by_role("button", name="n: flow_input.n")).to_be_visible()
    await fill_in(page, "note", "Connected")
    # The inputs of the workflow are shown without a click.
    await expect(page.get_by_label("Data", exact=True).get_by_title("Insert flow_input.n")).to_be_visible()
    await page.get_by_label("Input name").fill("extra")
    await page.get_by_label("Input name").press("Enter")
    await expect(page.get_by_role("group", name="Input mode of extra", exact=True)).to_be_visible()
    await draft_saved(page)
    assert "expr: flow_input.n" in draft(site, path)


@pytest.mark.parametrize("width", [1440, 390])
async def test_button_of_full_size_covers_no_code(page: Page, site: Site, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    await opened(page, site, SOURCE, "?panel=node&node=more")
    code = await page.get_by_role("textbox", name="Code", exact=True).bounding_box()
    button = await page.get_by_role("button", name="Edit in full size").bounding_box()
    assert code is not None and button is not None
    assert button["y"] + button["height"] <= code["y"]
    assert button["height"] >= 24


CALL = """value:
  modules:
    - id: call
      value: {type: webhook, method: HEAD, url: {type: static, value: https://example.org/}}
    - id: switch
      value:
        type: rawscript
        language: python3
        content: |
          def main(deep: bool = True):
              return deep
        input_transforms: {}
"""


async def test_choices_name_the_default_that_applies(page: Page, site: Site) -> None:
    await opened(page, site, CALL)
    await node(page, "call").click()
    response = page.get_by_label("Response format", exact=True)
    await expect(response.locator("option:checked")).to_have_text("by content type (default)")
    # A method beside the offered ones is shown as it is.
    await expect(page.get_by_label("Method", exact=True).locator("option:checked")).to_have_text("HEAD")
    await response.select_option("text")
    await response.select_option("")
    await expect(response.locator("option:checked")).to_have_text("by content type (default)")
    await node(page, "switch").click()
    await expect(page.get_by_label("deep", exact=True).locator("option:checked")).to_have_text("true (default)")
