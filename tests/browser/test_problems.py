"""Problems of a workflow: before a deployment, beside the states of a test, and at fields."""

from __future__ import annotations

import asyncio

from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import deploy, flow, node, opened
from tests.browser.test_typing import press
from tests.polling import POLL_S

BROKEN = """summary: Sum
value:
  modules:
    - id: sum
      value:
        type: rawscript
        language: python3
        content: |
          def main():
              return (
        input_transforms: {}
    - id: loop
      value:
        type: forloopflow
        iterator: {type: javascript, expr: flow_input.list}
        skip_failures: false
        modules: []
    - id: last
      value: {type: identity}
schema: {type: object, properties: {list: {type: array}}}
"""

INPUTS = """value:
  modules:
    - id: one
      value: {type: identity}
      stop_after_if: {expr: flow_input.amounts, skip_if_stopped: false}
schema: {type: object, properties: {amounts: {type: string}}}
"""

NUMBERS = """value:
  modules:
    - {id: one, value: {type: identity}}
schema: {type: object, properties: {amount: {type: number}, rate: {type: number}}}
"""


async def test_deployment_lists_problems_with_their_nodes(page: Page, site: Site) -> None:
    path = await opened(page, site, BROKEN, "?panel=workflow", problems="1 problem")
    await page.keyboard.press("Escape")
    await node(page, "last").click()
    await page.get_by_label("Name", exact=True).fill("Last")
    await page.get_by_role("button", name="Deploy").click()
    dialog = page.get_by_role("dialog", name="Deploy")
    await expect(dialog).to_contain_text("1 warning. You can deploy anyway.")
    await expect(dialog).to_contain_text("line 2")
    await dialog.get_by_role("button", name="sum", exact=True).click()
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_label("Id", exact=True)).to_have_value("sum")
    await page.get_by_role("button", name="Deploy").click()
    await dialog.get_by_role("button", name="Deploy").click()
    await expect(page.get_by_text("Deployed. New runs use this version. 1 warning is left.")).to_be_visible()
    assert flow(site, path)["value"]["modules"][2]["summary"] == "Last"


async def test_failed_test_shows_error_first_and_nodes_that_did_not_run(page: Page, site: Site) -> None:
    await opened(page, site, BROKEN, problems="1 problem")
    await page.get_by_role("button", name="Test", exact=True).click()
    panel = page.get_by_role("complementary", name="Test")
    await panel.get_by_role("button", name="Run", exact=True).click()
    row = panel.get_by_role("listitem").filter(has_text="last")
    await expect(row).to_contain_text("Not run")
    # The error of the run precedes the data of the selected node.
    await row.get_by_role("button").click()
    sections = panel.get_by_role("region", name="Test run").locator("section h3")
    await expect(sections.nth(0)).to_have_text("Workflow result")
    # The data of the failed node has the error of the run: it is shown once.
    await panel.get_by_role("listitem").filter(has_text="sum").get_by_role("button").click()
    await expect(sections.nth(0)).to_have_text("Output of sum")
    await expect(panel.locator("[data-error]")).to_have_count(1)
    # The sign of the problem is beside the state.
    await expect(node(page, "sum").locator("[data-state=failed]")).to_be_visible()
    await expect(node(page, "sum").get_by_title("Warning: see Problems")).to_be_visible()


async def test_whole_input_is_shown_as_connected_and_is_no_list(page: Page, site: Site) -> None:
    await opened(page, site, BROKEN.replace("return (", "return 1"), "?panel=node&node=loop")
    await page.get_by_role("group", name="Input mode of Iterate over").get_by_role("button", name="Connected").click()
    await page.get_by_role("button", name="Iterate over: flow_input.list").click()
    await page.get_by_label("Data", exact=True).get_by_title("Insert flow_input", exact=True).click()
    await expect(page.get_by_role("button", name="Iterate over: flow_input 1 key")).to_be_visible()
    await expect(page.get_by_role("complementary", name="Node").get_by_role("alert")).to_have_text(
        "The loop needs a list"
    )


async def test_list_of_numbers_is_declared_by_mouse_and_checked(page: Page, site: Site) -> None:
    path = await opened(page, site, INPUTS, "?panel=node")
    form = page.get_by_role("region", name="Workflow input")
    await form.get_by_label("Type of amounts").select_option("array")
    await form.get_by_label("Type of the items of amounts").select_option("number")
    await form.get_by_label("Default of amounts").fill("7")
    await expect(form.get_by_role("alert")).to_be_visible()
    await form.get_by_label("Default of amounts").fill("[1, 2]")
    await expect(form.get_by_role("alert")).to_have_count(0)
    # The control that is clicked after a new name was typed remains.
    await form.get_by_label("Name of amounts").fill("prices")
    await press(form.get_by_label("Description of amounts"))
    await page.keyboard.type("In euros")
    await form.get_by_label("Field name").fill("order")
    await form.get_by_label("Field name").press("Enter")
    await form.get_by_label("Type of order").select_option("object")
    fields = form.get_by_role("region", name="Fields of order")
    await fields.get_by_label("Field name").fill("id")
    await fields.get_by_label("Field name").press("Enter")
    await expect(fields.get_by_label("Type of id")).to_be_visible()
    await deploy(page, "")
    properties = flow(site, path)["schema"]["properties"]
    assert properties["prices"] == {
        "type": "array",
        "items": {"type": "number"},
        "default": [1, 2],
        "description": "In euros",
    }
    assert properties["order"]["properties"] == {"id": {"type": "string"}}
    assert flow(site, path)["value"]["modules"][0]["stop_after_if"]["expr"] == "flow_input.prices"
    refused = site.client.post(f"/api/w/main/jobs/run/f/{path}", json={"prices": ["x"], "order": {}})
    assert refused.status_code == 400, refused.text
    await page.get_by_role("button", name="Test", exact=True).click()
    test = page.get_by_role("complementary", name="Test")
    await test.get_by_label("prices 1", exact=True).fill("x")
    await test.get_by_role("button", name="Run", exact=True).click()
    await expect(test.get_by_role("alert")).to_contain_text("Enter a number such as 12.5.")


async def test_refused_default_is_shown_at_its_field_only(page: Page, site: Site) -> None:
    await opened(page, site, NUMBERS, "?panel=node")
    form = page.get_by_role("region", name="Workflow input")
    await form.get_by_label("Default of amount").fill("many")
    await expect(form.get_by_role("alert")).to_be_visible()
    await form.get_by_role("button", name="Remove field amount").click()
    await expect(form.get_by_label("Default of amount")).to_have_count(0)
    await expect(form.get_by_label("Default of rate")).to_have_value("")
    await expect(form.get_by_role("alert")).to_have_count(0)
    # A default that is clicked after a new name was typed receives the text.
    await form.get_by_label("Name of rate").fill("share")
    await press(form.get_by_label("Default of rate"))
    await page.keyboard.type("7")
    await expect(form.get_by_label("Default of share")).to_have_value("7")


LOCKING = """summary: Greeting
value:
  modules:
    - id: greet
      value: {type: rawscript, language: python3, content: "import no_such_package_here", input_transforms: {}}
"""


async def test_settings_show_why_packages_could_not_be_locked(page: Page, site: Site) -> None:
    path = "f/problems/locking"
    site.deploy(path, LOCKING)
    status = f"/api/w/main/flows/deployment_status/p/{path}"
    job = site.client.get(status).json()["job_id"]
    site.client.post(f"/api/w/main/jobs_u/queue/cancel/{job}", json={}).raise_for_status()
    async with asyncio.timeout(30):
        while "lock_error_logs" not in (found := site.client.get(status).json()):
            await asyncio.sleep(POLL_S)
    await page.goto(f"/w/main/workflows/{path}")
    await page.get_by_role("button", name="Workflow settings").click()
    await expect(page.get_by_role("heading", name="Packages could not be locked")).to_be_visible()
    await expect(page.locator("pre", has_text=found["lock_error_logs"])).to_be_visible()


CHARGES = """value:
  modules:
    - id: orders
      value:
        type: forloopflow
        iterator: {type: static, value: [1, 2]}
        skip_failures: false
        modules:
          - id: charge
            value:
              type: rawscript
              language: python3
              content: |
                def main(order: int):
                    return order
              input_transforms:
                order: {type: javascript, expr: flow_input.iter.value}
          - {id: report, value: {type: identity}}
    - {id: last, value: {type: identity}}
"""


async def test_node_moved_out_of_its_loop_is_a_problem_that_is_solved_by_a_click(page: Page, site: Site) -> None:
    path = await opened(page, site, CHARGES)
    canvas = page.locator("[data-canvas]")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await node(page, "charge").click()
    await canvas.press("Control+x")
    await node(page, "last").click()
    await canvas.press("Control+v")
    problems = page.get_by_role("button", name="1 problem")
    await expect(problems).to_be_visible()
    await page.get_by_role("tab", name="Settings").click()
    await expect(page.get_by_role("alert").filter(has_text="exists only inside loops")).to_be_visible()
    await problems.click()
    panel = page.get_by_role("complementary", name="Problems")
    await panel.get_by_role("button", name="Move charge into the loop orders").click()
    await expect(page.get_by_role("button", name="No problems")).to_be_visible()
    await page.get_by_role("button", name="Undo: Move charge into the loop orders").click()
    await panel.get_by_role("button", name="Clear order").click()
    # The input is still required.
    await expect(panel.get_by_role("button", name="Clear order")).to_have_count(0)
    await page.get_by_role("button", name="Undo: Clear order").click()
    move = panel.get_by_role("button", name="Move charge into the loop orders")
    await expect(move).to_be_visible()
    held = asyncio.get_running_loop().create_future()
    await page.route("**/flows/validate**", lambda route: held.set_result(route), times=1)
    await move.click()
    # The problem of the text before the last change does not delay the deployment.
    await deploy(page, "")
    await (await held).continue_()
    loop, *others = flow(site, path)["value"]["modules"]
    assert [each["id"] for each in others] == ["last"]
    assert [each["id"] for each in loop["value"]["modules"]] == ["report", "charge"]


async def test_code_in_message_of_server_is_shown_without_backticks(page: Page, site: Site) -> None:
    rules = [{"kind": "require", "on": "flow", "field": "labels"}]
    policy = {"name": "labelled", "scope": "f/labelled", "mode": "active", "rules": rules}
    site.client.post("/api/w/main/policies/create", json=policy).raise_for_status()
    draft = {"value": {"source": {"format": "yaml", "text": "value: {modules: [{id: a, value: {type: identity}}]}\n"}}}
    site.client.put("/api/w/main/drafts/flow/f/labelled/sum", json=draft).raise_for_status()
    await page.goto("/w/main/workflows/f/labelled/sum?panel=problems")
    problem = page.get_by_role("complementary", name="Problems").get_by_role("button", name="needs labels")
    await expect(problem).not_to_contain_text("`")
    await expect(problem.locator("code").first).to_have_text("labels")
    site.client.delete("/api/w/main/policies/delete/labelled").raise_for_status()
