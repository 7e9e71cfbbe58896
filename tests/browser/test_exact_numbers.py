"""Numbers that JavaScript would round: shown, pinned and sent with all digits."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import draft_saved, node, opened
from tests.browser.test_fields import draft, run
from tests.browser.test_run_page import stands, started

pytestmark = pytest.mark.extended

BIG, SMALL = "12345678901234567890", "0.12345678901234567890"
VALUES = f'{{"big":{BIG},"small":{SMALL},"text":"{BIG}"}}'
SOURCE = f"""value:
  modules:
    - id: give
      value:
        type: rawscript
        language: bash
        content: |
          echo '{VALUES}'
        input_transforms: {{}}
"""
SCHEMA = "schema: {type: object, properties: {big: {type: integer}, small: {type: number}, any: {}}}\n"


def run_with(site: Site, path: str, args: str) -> str:
    headers = {"Content-Type": "application/json"}
    answer = site.client.post(f"/api/w/main/jobs/run/f/{path}", content=args, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.text


def args_of(site: Site, run: str) -> str:
    return site.client.get(f"/api/w/main/jobs_u/get_args/{run}").text


async def shows_values(value: Locator) -> None:
    """Wait until a tree shows the numbers with all digits, and the text of digits with quotes."""
    await expect(value.locator("[data-type=number]")).to_have_text([BIG, SMALL])
    text = value.locator("[data-type=string]")
    await expect(text).to_have_text(BIG)
    quote = "each => ['before', 'after'].map(side => getComputedStyle(each, `::${side}`).content).join('')"
    assert await text.evaluate(quote) == r'"\"""\""'


async def test_node_of_run_shows_all_digits(page: Page, site: Site) -> None:
    _, id = started(site, SOURCE)
    await page.goto(f"/w/main/runs/{id}?node=give")
    await stands(page, "give", "succeeded")
    await shows_values(page.get_by_role("complementary", name="Node give").locator('[data-value="Output of give"]'))


async def test_data_of_run_shows_all_digits_and_quotes_of_texts(page: Page, site: Site) -> None:
    _, id = started(site, SOURCE)
    result = page.locator('[data-value="Result"]')
    await page.goto(f"/w/main/runs/{id}?tab=data")
    await shows_values(result)
    await page.get_by_role("searchbox", name="Search data").fill(SMALL)
    await expect(result.locator("[data-type=number]")).to_have_text([SMALL])


async def ran(page: Page, site: Site) -> str:
    """Run a new workflow and open its node with its output; return its path."""
    path = await opened(page, site, SOURCE)
    run(site, path, {})
    await page.goto(f"/w/main/workflows/{path}?panel=node&node=give")
    await page.get_by_role("tab", name="Output").click()
    return path


async def test_output_of_node_has_all_digits(page: Page, site: Site) -> None:
    await ran(page, site)
    shown = f'{{\n  "big": {BIG},\n  "small": {SMALL},\n  "text": "{BIG}"\n}}'
    await expect(page.locator('[data-result="Output of give"]')).to_have_text(shown)


async def test_output_is_pinned_with_all_digits(page: Page, site: Site) -> None:
    path = await ran(page, site)
    await expect(page.locator('[data-result="Output of give"]')).to_contain_text("big")
    await node(page, "give").click()
    await page.keyboard.press("p")
    await expect(node(page, "give").get_by_title("Pinned")).to_be_visible()
    await draft_saved(page)
    written = re.sub(r"\s+", " ", draft(site, path))
    assert f'return_value: big: {BIG} small: {SMALL} text: "{BIG}"' in written
    await page.reload()
    await page.get_by_role("tab", name="Output").click()
    code = page.get_by_role("textbox", name="Pinned output of give")
    await expect(code).to_contain_text(f'"big": {BIG},')
    await expect(code).to_contain_text(f'"small": {SMALL},')
    # A document cannot be deployed with them.
    await expect(page.get_by_role("button", name="2 problems")).to_be_visible()


REPEATED = f'{{"big":{BIG},"small":{SMALL},"any":null,"rest":[{BIG},1.0]}}'


async def repeated(page: Page, site: Site) -> tuple[str, Locator]:
    """Start a run, and open the dialog to run it again; return the id of the run, and the dialog."""
    path, _ = started(site, f"{SCHEMA}value: {{modules: [{{id: take, value: {{type: identity}}}}]}}")
    id = run_with(site, path, REPEATED)
    await page.goto(f"/w/main/runs/{id}")
    await page.get_by_role("button", name="Run again…").click()
    return id, page.get_by_role("dialog")


async def run_again(page: Page) -> str:
    """Start the run of the dialog; return its id."""
    before = page.url
    await page.get_by_role("dialog").get_by_role("button", name="Run again").click()
    await page.wait_for_url(lambda url: "/runs/" in url and url != before)
    return page.url.split("/runs/")[1].split("?")[0]


async def test_form_of_repeated_run_has_exact_inputs(page: Page, site: Site) -> None:
    _, dialog = await repeated(page, site)
    await expect(dialog.get_by_label("big")).to_have_value(BIG)
    await expect(dialog.get_by_label("small")).to_have_value(SMALL)


async def test_run_without_changes_is_repeated_with_stored_inputs(page: Page, site: Site) -> None:
    id, dialog = await repeated(page, site)
    await expect(dialog.get_by_label("small")).to_be_visible()
    assert args_of(site, await run_again(page)) == args_of(site, id)


@pytest.mark.parametrize("browser_writes", [True, False], ids=["recent browser", "older browser"])
async def test_changed_run_is_repeated_with_exact_inputs(page: Page, site: Site, browser_writes: bool) -> None:
    if not browser_writes:
        await page.add_init_script("delete JSON.rawJSON")
    _, dialog = await repeated(page, site)
    await dialog.get_by_label("small").fill("0.98765432109876543210")
    changed = args_of(site, await run_again(page)).replace(" ", "")
    for each in (f'"big":{BIG}', '"small":0.98765432109876543210', f'"rest":[{BIG},1]'):
        assert each in changed


async def test_run_without_schema_is_repeated_with_exact_inputs(page: Page, site: Site) -> None:
    path, _ = started(site, "value: {modules: [{id: take, value: {type: identity}}]}")
    id = run_with(site, path, f'{{"order":{BIG}}}')
    inputs = page.get_by_role("dialog").get_by_label("Inputs")
    await page.goto(f"/w/main/runs/{id}")
    await page.get_by_role("button", name="Run again…").click()
    await expect(inputs).to_have_value(f'{{\n  "order": {BIG}\n}}')
    await inputs.fill(f'{{"order": 9007199254740993, "half": {SMALL}}}')
    made = args_of(site, await run_again(page))
    assert made.replace(" ", "") == f'{{"order":9007199254740993,"half":{SMALL}}}'
