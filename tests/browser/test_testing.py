"""Tests of a workflow in the editor: the run on the graph, results next to the form, approvals, hostile output."""

from __future__ import annotations

import json
import shutil

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import add, node, opened

SOURCE = """value:
  modules:
    - id: give
      value: {type: rawscript, language: bash, content: 'echo "said by the first"; echo 41', input_transforms: {}}
    - id: more
      value:
        type: rawscript
        language: bash
        content: |
          n="$1"
          echo $((n + 1))
        input_transforms:
          n: {type: javascript, expr: results.give}
schema:
  type: object
  properties: {name: {type: string}, count: {type: integer}}
  required: [name]
  examples: [{name: Ada, count: 3}]
"""
RICH = """value:
  modules:
    - {id: same, value: {type: identity}}
  output: {type: javascript, expr: flow_input}
schema:
  type: object
  required: [address, mail]
  properties:
    address:
      type: object
      title: Address
      required: [street]
      properties: {street: {type: string}, number: {type: integer}}
    mail: {type: string, format: email}
    day: {type: string, format: date}
    at: {type: string, format: date-time}
    note: {type: string, format: textarea}
    tags: {type: array, items: {type: string}}
    sizes: {type: array, items: {type: string, enum: [small, large]}}
    level: {oneOf: [{const: 1, title: Low}, {const: 2, title: High}]}
    pay:
      oneOf:
        - {type: object, title: Transfer, required: [iban], properties: {by: {const: transfer}, iban: {type: string}}}
        - {type: object, title: Card, properties: {by: {const: card}, holder: {type: string, default: Ada}}}
    scan: {type: string, contentEncoding: base64}
"""
HOSTILE = """value:
  modules:
    - id: print
      value:
        type: rawscript
        language: bash
        content: |
          echo '<img src=x onerror="window.hurt = 1"><script>window.hurt = 1</script>'
          echo '"<img src=x onerror=window.hurt=1>"'
        input_transforms: {}
    - id: ask
      value: {type: approval, message: Go on?}
"""

FAILING = {
    "bash": ("bash", 'echo "fine"\n\nnope\n', 3, "nope: command not found"),
    "go": ("go", "package inner\n\nfunc main() (int, error) {\n\treturn nope, nil\n}\n", 4, "undefined: nope"),
    "php": ("php", "<?php\nfunction main() {\n  throw new Exception('no tea');\n}\n", 3, "Exception: no tea"),
    "ruby": ("ruby", "def main\n  1 +\nend\n", 3, "SyntaxError"),
}
"""Failing code by the command that it needs: language, code, number of the wrong line, part of the message."""


@pytest.mark.extended
@pytest.mark.parametrize("command", ["bash", "php", "ruby", pytest.param("go", marks=pytest.mark.soak)])
async def test_test_error_is_shown_at_its_line(page: Page, site: Site, command: str) -> None:
    if not shutil.which(command):
        pytest.skip(f"{command} is not installed.")
    language, code, line, words = FAILING[command]
    # One node per workflow, since a failed node cancels the other nodes of the run.
    value = {"type": "rawscript", "input_transforms": {}, "language": language, "content": code}
    module = {"id": command, "needs": [], "value": value}
    await opened(page, site, json.dumps({"value": {"modules": [module]}}), "?panel=test")
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(node(page, command).locator("[data-state=failed]")).to_be_visible(timeout=90_000)
    await node(page, command).click()
    await expect(page.locator(".cm-lintRange-error")).to_have_text(code.split("\n")[line - 1].strip())
    await page.locator(".cm-lint-marker-error").hover()
    await expect(page.locator(".cm-tooltip-lint")).to_contain_text(words)
    # An edit of the code removes the error.
    await page.get_by_role("textbox", name="Code", exact=True).press("Control+End")
    await page.keyboard.type("\n")
    await expect(page.locator(".cm-lintRange-error")).to_have_count(0)


async def test_new_node_shows_no_error_of_an_earlier_test(page: Page, site: Site) -> None:
    code = {"type": "rawscript", "input_transforms": {}, "language": "bash", "content": "exit 3"}
    value = {"modules": [{"id": "broken", "value": code}]}
    await opened(page, site, json.dumps({"value": value}), "?panel=test")
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(node(page, "broken").locator("[data-state=failed]")).to_be_visible(timeout=90_000)
    await page.get_by_role("button", name="Add a node", exact=True).click()
    await add(page, "Delay")
    await node(page, "wait").click()
    panel = page.get_by_label("Test of wait", exact=True)
    await page.get_by_role("tab", name="Output").click()
    await expect(panel.get_by_text("wait is not part of this test.")).to_be_visible()
    await expect(panel).not_to_contain_text("Result of the test")


async def test_status_of_a_test_is_outdated_once_the_code_is_changed(page: Page, site: Site) -> None:
    await opened(page, site, SOURCE, "?panel=node&node=give")
    give = node(page, "give")
    panel = page.get_by_label("Test of give", exact=True)
    await page.get_by_role("button", name="Test this node").click()
    await expect(give.locator("[data-state=succeeded]")).to_be_visible()
    await page.get_by_role("tab", name="Settings").click()
    await page.get_by_role("textbox", name="Code", exact=True).press("Control+End")
    await page.keyboard.type("; echo 42")
    await expect(give.locator("[data-state=outdated]")).to_have_text("Outdated")
    await expect(page.get_by_role("group", name="Bash node give, outdated", exact=True)).to_be_visible()
    await page.get_by_role("tab", name="Output").click()
    await expect(panel.get_by_role("status").first).to_contain_text("The node was changed since this test.")
    await page.get_by_role("button", name="Test give").click()
    await expect(give.locator("[data-state=succeeded]")).to_be_visible()
    await expect(panel.locator('[data-result="Output of give"]')).to_have_text('"42"')


async def test_order_processing_is_run_from_the_list_and_seen_live(page: Page) -> None:
    await page.goto("/w/main")
    await page.get_by_role("link", name="Workflows", exact=True).click()
    await page.get_by_role("listitem").filter(has_text="order_processing").get_by_role("button", name="Run").click()
    form = page.get_by_role("dialog", name="Run Processing of an order")
    await form.get_by_role("button", name="Fill in the example").click()
    await form.get_by_role("button", name="Run").click()
    await page.wait_for_url("**/runs/*")
    for name in ("price", "enrich", "report", "invoice"):
        await expect(node(page, name).locator("[data-state=succeeded]")).to_be_visible(timeout=90_000)
    await expect(page.get_by_role("main")).to_contain_text("465.48")
    for edge in ("price enrich", "price report", "enrich invoice", "report invoice"):
        await expect(page.locator(f'[data-edge="{edge} taken"]')).to_have_count(1)
    # The page of the workflow lists its runs; its tabs stay in place. "Run" in the list opens the form of the inputs.
    await page.get_by_role("link", name="Workflows", exact=True).click()
    await page.get_by_role("listitem").filter(has_text="order_processing").get_by_role("button", name="Run").click()
    await form.get_by_role("button", name="Run").click()
    await expect(form.get_by_role("alert").first).to_have_text("Required")
    await form.get_by_role("button", name="Fill in the example").click()
    await form.get_by_label("order_id").fill("none")
    await form.get_by_role("button", name="Run").click()
    await expect(form.get_by_role("alert")).to_contain_text("does not match")
    await page.keyboard.press("Escape")
    await page.get_by_role("link", name="Processing of an order").click()
    views = page.get_by_role("navigation", name="Workflow views")
    places = []
    for view in ("Versions", "Triggers", "Graph", "Runs"):
        await views.get_by_role("link", name=view).click()
        await expect(views.get_by_role("link", name=view)).to_have_attribute("aria-current", "page")
        box = await views.bounding_box()
        assert box is not None
        places.append(box["x"])
    assert len(set(places)) == 1
    await expect(page.get_by_role("heading", name="Processing of an order")).to_be_visible()
    await expect(page.get_by_label("Runs", exact=True).get_by_role("listitem")).not_to_have_count(0)


async def test_inputs_are_requested_before_test_run(page: Page, site: Site) -> None:
    await opened(page, site, SOURCE, "?panel=test")
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Required")
    await page.get_by_label("name").fill("Ada")
    count = page.get_by_role("textbox", name="count")
    await expect(count).to_have_attribute("inputmode", "decimal")
    await expect(page.locator("form").get_by_text("Whole number", exact=True)).to_be_visible()
    await count.fill("many")
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Enter a whole number")


async def test_fields_follow_the_schema(page: Page, site: Site) -> None:
    await opened(page, site, RICH, "?panel=test")
    form = page.get_by_role("complementary", name="Test")
    await form.get_by_label("mail").fill("nobody")
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(form.get_by_role("alert")).to_have_text(["Required", "Enter an e-mail address."])
    address = form.get_by_role("group", name="Address")
    await address.get_by_label("street").fill("Main")
    await address.get_by_label("number").fill("3")
    await form.get_by_label("mail").fill("ada@example.org")
    await form.get_by_label("day").fill("2027-01-31")
    await form.get_by_label("at", exact=True).fill("2027-01-31T08:30:00")
    await form.get_by_label("note").fill("one\ntwo")
    for tag in ("a", "b", "c"):
        await form.get_by_role("button", name="Add tags").click()
        await form.get_by_role("group", name="tags").get_by_role("textbox").last.fill(tag)
    await form.get_by_role("button", name="Remove tags 2").click()
    await form.get_by_role("checkbox", name="large").check()
    await form.get_by_label("level").select_option("High")
    await form.get_by_label("Kind of pay").select_option("Transfer")
    await expect(form.get_by_label("iban")).to_be_visible()
    await form.get_by_label("Kind of pay").select_option("Card")
    await expect(form.get_by_label("holder")).to_have_value("Ada")
    await form.get_by_label("scan").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"})
    await expect(form).to_contain_text("bytes selected")
    await page.get_by_role("button", name="Run", exact=True).click()
    result = page.locator('[data-result="Workflow result"]')
    await expect(result).to_contain_text('"scan": "aGVsbG8="')
    found = json.loads(await result.inner_text())
    instant = await page.evaluate("new Date('2027-01-31T08:30:00').toISOString()")
    assert found == {
        "address": {"street": "Main", "number": 3},
        "mail": "ada@example.org",
        "day": "2027-01-31",
        "at": instant,
        "note": "one\ntwo",
        "tags": ["a", "c"],
        "sizes": ["large"],
        "level": 2,
        "pay": {"by": "card", "holder": "Ada"},
        "scan": "aGVsbG8=",
    }


async def test_undeployed_workflow_and_single_node_are_tested(page: Page, site: Site) -> None:
    await opened(page, site, SOURCE, "?panel=node&node=more")
    await page.get_by_role("button", name="Add a node between give and more").click()
    await add(page, "Identity")
    await page.get_by_role("button", name="Test", exact=True).click()
    await page.get_by_role("button", name="Fill in the example").click()
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.locator('[data-result="Workflow result"]')).to_have_text('"42"')
    await node(page, "give").click()
    await page.get_by_role("button", name="Test", exact=True).click()
    await expect(page.locator('[data-result="Output of give"]')).to_have_text('"41"')
    await expect(page.get_by_label("Test run")).to_contain_text("said by the first")
    await node(page, "more").click()
    await page.get_by_role("button", name="Test this node").click()
    await expect(node(page, "more").locator("[data-state=succeeded]")).to_be_visible()
    await expect(page.get_by_label("Test of more").locator('[data-result="Output of more"]')).to_have_text('"42"')
    await page.get_by_role("button", name="Test", exact=True).click()
    # The panel says that one node was tested, and that those before it did not run again.
    test = page.get_by_label("Test run")
    await expect(test.get_by_role("heading", name="Test of the node more")).to_be_visible()
    await expect(page.locator('[data-result="Result of the test of more"]')).to_have_text('"42"')
    await expect(test.get_by_role("button", name="give")).to_have_text("giveReused")
    await expect(node(page, "give")).to_contain_text("Reused")
    await expect(test).not_to_contain_text("said by the first")


async def test_node_that_sets_fields_is_added_and_returns_them(page: Page, site: Site) -> None:
    await opened(page, site, "value:\n  modules:\n    - {id: give, value: {type: identity}}\n")
    await page.get_by_role("button", name="Add a node after give").click()
    await add(page, "edit fields")
    panel = page.get_by_role("complementary", name="Node")
    await panel.get_by_label("Field name").fill("total")
    await panel.get_by_label("Field name").press("Enter")
    await panel.get_by_role("group", name="Input mode of total").get_by_role("button", name="Value").click()
    await panel.get_by_label("total", exact=True).fill("7")
    await page.keyboard.press("Control+Enter")
    output = page.get_by_label("Test of fields").locator('[data-result="Output of fields"]')
    await expect(output).to_contain_text('"total": ')
    # A trigger is found among the nodes.
    await page.get_by_role("button", name="Add a node after fields").click()
    await page.get_by_placeholder("Add a node").fill("cron")
    await page.keyboard.press("Enter")  # the dialog of a schedule follows that of the nodes
    await expect(page.get_by_role("button", name="Create schedule")).to_be_visible()


async def test_output_is_escaped_and_approval_is_decided_in_place(page: Page, site: Site) -> None:
    await opened(page, site, HOSTILE, "?panel=test")
    await page.get_by_role("button", name="Run", exact=True).click()
    await page.get_by_label("Test run").get_by_title("print", exact=True).click()
    await expect(page.locator('[data-result="Output of print"]')).to_contain_text("<img src=x")
    await expect(page.get_by_label("Test run")).to_contain_text("<script>")
    # On a phone the panel covers the graph.
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.get_by_role("form", name="Decide on ask").get_by_label("Reason").fill("As agreed")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_text("Approved", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Close").click()
    await expect(node(page, "ask").locator("[data-state=succeeded]")).to_be_visible()
    assert await page.evaluate("window.hurt") is None
