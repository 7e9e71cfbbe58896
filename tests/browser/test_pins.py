"""Tests of a single node next to its form: results of the last run, pinned and entered results."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site, write_code
from tests.browser.test_editing import deploy, draft_saved, flow, node, opened
from tests.browser.test_fields import draft, run

pytestmark = pytest.mark.extended

SOURCE = """value:
  modules:
    - id: give
      value:
        type: rawscript
        language: bash
        content: |
          n="$1"
          echo "given $n" >&2
          echo $((n + 1))
        input_transforms: {n: {type: javascript, expr: flow_input.n}}
    - id: more
      value:
        type: rawscript
        language: bash
        content: |
          n="$1"
          echo "said by more"
          echo $((n * 10))
        input_transforms: {n: {type: javascript, expr: results.give}}
    - id: after
      value: {type: identity}
schema: {type: object, properties: {n: {type: integer}}, required: [n], examples: [{n: 4}]}
"""


async def test_node_is_tested_with_last_or_new_results(page: Page, site: Site) -> None:
    path = await opened(page, site, SOURCE)
    run(site, path, {"n": 1})
    await page.goto(f"/w/main/workflows/{path}?panel=node&node=more")
    # The tabs show the last run. The arrow keys move between them, and selecting another node keeps the tab.
    code = page.get_by_role("textbox", name="Code")
    await page.get_by_role("tab", name="Settings").press("ArrowRight")
    test = page.get_by_label("Test of more")
    await expect(page.get_by_role("tab", name="Input")).to_be_focused()
    await expect(test.locator('[data-result="Input of more"]')).to_contain_text('"n": "2"')
    await expect(test.get_by_role("status")).to_contain_text("Last run")
    await page.keyboard.press("End")
    await expect(test).to_contain_text("said by more")
    await expect(page.get_by_role("tab", name="Logs")).to_have_attribute("aria-selected", "true")
    await node(page, "give").click()
    await expect(page.get_by_label("Test of give")).to_contain_text("given 1")
    await node(page, "more").click()
    await page.get_by_role("tab", name="Logs").press("ArrowLeft")
    await expect(test.locator('[data-result="Output of more"]')).to_have_text('"20"')
    # The settings are shown next to the tabs unless this is switched off.
    await expect(code).to_be_visible()
    await page.get_by_role("button", name="Show settings beside the data").click()
    await expect(code).to_be_hidden()
    await page.get_by_role("button", name="Show settings beside the data").click()
    await expect(code).to_be_visible()
    await page.get_by_role("tab", name="Input").click()
    await expect(test.get_by_label("Data of give")).to_have_value("last")
    await test.get_by_role("button", name="Test more").click()
    await expect(test.get_by_role("status").filter(has_text="Last run")).to_have_count(0)
    await expect(test.locator('[data-result="Output of more"]')).to_have_text('"20"')
    await page.get_by_role("tab", name="Logs").click()
    await expect(test).to_contain_text("said by more")
    await page.get_by_role("tab", name="Input").click()
    await test.get_by_text("Workflow input").click()
    await test.get_by_label("n", exact=True).fill("7")
    await test.get_by_role("button", name="Test with this input").click()
    await expect(node(page, "more").locator("[data-state=succeeded]")).to_be_visible()
    await expect(test.locator('[data-result="Output of more"]')).to_have_text('"20"')
    await test.get_by_role("button", name="Run to here").click()
    await expect(test.locator('[data-result="Output of more"]')).to_have_text('"80"')
    await expect(node(page, "after").locator("[data-state]")).to_have_count(0)


async def test_pinned_result_is_used_until_unpinned(page: Page, site: Site) -> None:
    path = await opened(page, site, SOURCE)
    run(site, path, {"n": 1})
    await page.goto(f"/w/main/workflows/{path}?panel=node&node=give")
    await expect(node(page, "give")).to_be_visible()
    await node(page, "give").click()
    pinned = node(page, "give").get_by_title("Pinned")
    await expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    await page.keyboard.press("p")
    await expect(pinned).to_be_visible()
    await draft_saved(page)
    text = draft(site, path)
    assert 'mock:\n        enabled: true\n        return_value: "2"\n' in text
    await node(page, "more").click()
    await page.keyboard.press("Shift+Enter")
    test = page.get_by_label("Test of more")
    await expect(test.locator('[data-result="Output of more"]')).to_have_text('"20"')
    await page.get_by_role("tab", name="Input").click()
    await expect(test.get_by_label("Data of give")).to_have_value("pinned")
    await test.get_by_role("button", name="Run to here").click()
    await expect(test.locator('[data-result="Output of more"]')).to_have_text('"20"')
    await page.get_by_role("tab", name="Input").click()
    await test.get_by_label("Data of give").select_option("run")
    await expect(pinned).to_have_count(0)
    await page.get_by_role("button", name="Undo: Unpin give").click()
    await expect(pinned).to_be_visible()
    await page.keyboard.press("Control+Shift+s")
    keep = page.get_by_role("checkbox", name="Remove pinned outputs: give")
    await keep.uncheck()
    await expect(page.get_by_role("dialog")).to_contain_text("Every run uses their pinned output.")
    await page.keyboard.press("Escape")
    await deploy(page, "Without the pin")
    assert "mock" not in flow(site, path)["value"]["modules"][0]
    await expect(pinned).to_have_count(0)
    await page.get_by_role("button", name="Undo: Unpin all").click()
    await expect(pinned).to_be_visible()


async def test_without_a_result_there_is_nothing_to_pin_and_a_word_about_it(page: Page, site: Site) -> None:
    await opened(page, site, SOURCE)
    await node(page, "give").click()
    await page.keyboard.press("p")
    await expect(page.get_by_text("give has no output yet. Test it first.")).to_be_visible()


async def test_mock_result_must_be_json(page: Page, site: Site) -> None:
    path = await opened(page, site, SOURCE, "?panel=node&node=give")
    await page.get_by_role("tab", name="Output").click()
    test = page.get_by_label("Test of give")
    await test.get_by_text("Pinned output").click()
    answer = test.get_by_role("textbox", name="Pinned output of give")
    await write_code(answer, '{"typed": true}')
    await expect(node(page, "give").get_by_title("Pinned")).to_be_visible()
    await write_code(answer, '{"typed": ')
    await expect(test.get_by_role("alert")).to_contain_text("Invalid JSON")
    await draft_saved(page)
    assert "typed: true" in draft(site, path)
    await test.get_by_label("Return this output instead of running").uncheck()
    await expect(node(page, "give").get_by_title("Pinned")).to_have_count(0)
    await draft_saved(page)
    assert "typed: true" in draft(site, path) and "enabled: false" in draft(site, path)


WAITS = """value:
  modules:
    - id: each
      value:
        type: forloopflow
        iterator: {type: static, value: [1, 2]}
        skip_failures: false
        parallel: true
        modules:
          - {id: take, value: {type: identity}}
          - {id: ask, value: {type: approval, message: "Order {{ flow_input.iter.value }}?"}}
    - {id: after, value: {type: identity}}
"""


async def test_waiting_node_test_is_decided_and_cancelled(page: Page, site: Site) -> None:
    await opened(page, site, WAITS, "?panel=node&node=ask")
    await page.get_by_role("tab", name="Output").click()
    test = page.get_by_label("Test of ask")
    await test.get_by_role("button", name="Test ask").click()
    forms = test.get_by_role("form", name="Decide on ask")
    await expect(forms).to_have_count(2)
    await expect(test).to_contain_text("Order 1?")
    await expect(test).to_contain_text("Order 2?")
    await forms.first.get_by_role("button", name="Approve").click()
    await expect(forms).to_have_count(1)
    address = await test.get_by_role("link", name="Open run").get_attribute("href")
    await node(page, "after").click()
    after = page.get_by_label("Test of after")
    await expect(after).to_contain_text("after is not part of this test")
    await after.get_by_role("button", name="Cancel run").click()
    await expect(forms).to_have_count(0)
    await expect(after.get_by_role("button", name="Cancel run")).to_have_count(0)
    await expect(after).not_to_contain_text("Succeeded")
    assert address and address.startswith("/w/main/runs/")


LOOP = """value:
  modules:
    - id: each
      value:
        type: forloopflow
        iterator: {type: javascript, expr: "[4, 7]"}
        skip_failures: false
        modules:
          - id: half
            value:
              type: rawscript
              language: bash
              content: |
                n="$1"
                echo "half of $n"
              input_transforms: {n: {type: javascript, expr: flow_input.iter.value}}
          - id: last
            value: {type: identity}
"""


async def test_output_of_the_shown_iteration_is_pinned(page: Page, site: Site) -> None:
    path = await opened(page, site, LOOP)
    run(site, path, {})
    await page.goto(f"/w/main/workflows/{path}?panel=node&node=half")
    await page.get_by_role("tab", name="Output").click()
    test = page.get_by_label("Test of half")
    await expect(test.locator('[data-result="Output of half"]')).to_have_text('"half of 4"')
    await page.get_by_role("button", name="Pin output", exact=True).first.click()
    await expect(node(page, "half").get_by_title("Pinned")).to_be_visible()
    await draft_saved(page)
    assert "return_value: half of 4" in draft(site, path)
    await page.get_by_role("button", name="Undo: Pin output of half").click()
    await expect(node(page, "half").get_by_title("Pinned")).to_have_count(0)
    await test.get_by_role("button", name="Next iteration").click()
    await test.get_by_role("button", name="Next iteration").click()
    await expect(test.locator('[data-result="Output of half"]')).to_have_text('"half of 7"')
    await page.get_by_role("button", name="Pin output", exact=True).first.click()
    await expect(node(page, "half").get_by_title("Pinned")).to_be_visible()
    await draft_saved(page)
    assert "return_value: half of 7" in draft(site, path)
