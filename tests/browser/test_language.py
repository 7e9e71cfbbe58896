"""Language of the page: the browser's by default, another one by choice."""

from __future__ import annotations

import re

from playwright.async_api import Browser, Locator, Page, expect
from tests.browser.conftest import Site
from tests.installation import Running


async def test_page_is_shown_in_chosen_language(page: Page) -> None:
    await page.goto("/w/main")
    navigation = page.get_by_role("navigation", name="Pages")
    await page.goto("/w/main/runs")
    await expect(navigation.get_by_role("link", name="Schedules")).to_be_visible()
    await page.get_by_role("button", name="Account").click()
    await page.get_by_role("combobox", name="Language").select_option("Deutsch")
    await expect(page.get_by_role("navigation", name="Seiten").get_by_role("link", name="Zeitpläne")).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    # All rooms are translated, also those whose texts are loaded later.
    await page.goto("/w/main/environments")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Umgebungen")
    await page.goto("/w/main/settings/workspace")
    cut = [await is_cut(page.get_by_role("link", name="Einstellungen des Arbeitsbereichs"))]
    await page.goto("/w/main/workflows/f/examples/order_processing?panel=test")
    cut += [await is_cut(page.get_by_role("button", name="Ausführen", exact=True))]
    assert cut == [False, False]
    await page.get_by_role("button", name="Konto").click()
    await page.get_by_role("combobox", name="Sprache").select_option("English")
    await expect(navigation.get_by_role("link", name="Schedules")).to_be_visible()


async def is_cut(control: Locator) -> bool:
    """Return whether a control is too small for its text."""
    found: bool = await control.evaluate("(it) => it.scrollWidth > it.clientWidth")
    return found


WRONG = """summary: Bestellungen eines Monats zusammenfassen
value:
  modules:
    - id: one
      value: {type: rawscript, language: python3, content: "def main(x):\\n  return x", input_transforms: {}}
"""
IS_ONE_ROW = """() => {
  const parts = document.querySelectorAll("h1, [aria-label=Bereiche], [aria-label='Weitere Aktionen']");
  const edges = [...parts].map((part) => part.getBoundingClientRect());
  return edges.length === 3
    && Math.max(...edges.map(({ top }) => top)) < Math.min(...edges.map(({ bottom }) => bottom));
}"""
WIDER_LETTERS = """() => {
  for (const each of document.querySelectorAll("nav *, fieldset *, button")) each.style.letterSpacing = "0.04em";
}"""


async def test_german_head_of_workflow_with_problem_is_one_row(page: Page, site: Site) -> None:
    site.deploy("f/words/wrong", WRONG)
    await page.add_init_script("localStorage.setItem('orvanta.language', 'de')")
    await page.goto("/w/main/workflows/f/words/wrong?panel=problems")
    await expect(page.get_by_role("button", name="1 Problem")).to_be_visible()
    # Chromium applies the width of a container to its contents in a later frame.
    await page.wait_for_function(IS_ONE_ROW)
    await page.get_by_role("button", name="Navigation ausklappen").click()
    await expect(page.get_by_role("button", name="Navigation einklappen")).to_be_visible()
    await page.wait_for_function(IS_ONE_ROW)
    # With wider letters the name of the workflow gives way.
    await page.evaluate(WIDER_LETTERS)
    await page.wait_for_function(IS_ONE_ROW)
    # Problems of the server are described in the language of the page.
    await expect(page.get_by_text("Die erforderliche Eingabe „x“ hat keinen Wert").first).to_be_visible()


async def test_language_of_browser_is_used(chromium: Browser, installation: Running) -> None:
    context = await chromium.new_context(base_url=installation.base, locale="de-AT")
    try:
        cookie = {"name": "token", "value": installation.token, "url": installation.base, "httpOnly": True}
        await context.add_cookies([cookie])  # type: ignore[list-item]
        page = await context.new_page()
        await page.goto("/w/main")
        await expect(page.get_by_role("navigation", name="Seiten")).to_be_visible()
    finally:
        await context.close()


async def test_texts_of_server_are_translated(page: Page) -> None:
    await page.add_init_script("localStorage.setItem('orvanta.language', 'de')")
    await page.goto("/w/main/settings/instance")
    await expect(page.get_by_text("Gruppe des Workers.", exact=True)).to_be_visible()
    await page.get_by_role("searchbox").fill("lebenszeichen")
    # Descriptions of other settings name it too.
    found = page.get_by_role("listitem").filter(has_text=re.compile("^ORVANTA_LEASE_MS"))
    await expect(found).to_be_visible()
    await page.goto("/w/main/settings/resource-types")
    await expect(page.get_by_text("Eine PostgreSQL-Datenbank.", exact=True)).to_be_visible()
    await page.goto("/w/main/settings/policies")
    await page.get_by_role("button", name="Neue Richtlinie").click()
    await page.get_by_label("Vorlage").select_option("Erlaubte Sprachen")
    text = page.get_by_role("textbox", name="Richtlinie")
    await expect(text).to_have_value(re.compile("name: languages\n.*Fragen Sie das Plattform-Team", re.DOTALL))
    await page.goto("/w/main/workflows?new=1")
    await page.get_by_role("radio", name="Bericht aus einer CSV-Datei").check()
    await expect(page.get_by_text("Python liest und prüft die Zeilen")).to_be_visible()
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Bericht aus einer CSV-Datei")
