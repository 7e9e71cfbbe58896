"""Screenshots of every page and dialog in German, in `build/pages-de`: all texts are translated and fit the window.

`python -m pytest -m screenshots tests/browser/test_german_pages.py`
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache

import pytest
from playwright.async_api import Error, Page, expect
from tests.browser.conftest import ROOT, Site
from tests.browser.test_environments import post
from tests.browser.test_every_page import OF_RUNS, PAGES, WIDTHS, Shown, fill, show
from tests.browser.test_screenshots import prepared

__all__ = ["prepared"]

VALUES = {"true", "false", "scripts.create"}
"""Values of schemas, documents and the audit trail that are also texts or keys of texts."""
FOLDER = ROOT / "build" / "pages-de"
TEXTS = ROOT / "editor" / "src" / "texts"
SHOWN_TEXTS = """() => {
  const seen = new Set();
  for (const each of document.querySelectorAll("body *")) {
    if (!each.checkVisibility() || each.closest(".cm-editor, pre, code, kbd, script, style")) continue;
    for (const name of ["aria-label", "title", "placeholder"]) seen.add(each.getAttribute(name) ?? "");
    for (const node of each.childNodes) if (node.nodeType === 3) seen.add(node.textContent.trim());
  }
  return [...seen];
}"""
GERMAN = "try { localStorage.setItem('orvanta.language', 'de') } catch { /* about:blank has no storage. */ }"
WIDE = """() => {
  const main = document.querySelector("main");
  const around = [];
  for (let each = main ?? document.documentElement; each; each = each.parentElement) around.push(each);
  return Math.max(...around.map((each) => each.scrollWidth - each.clientWidth));
}"""
"""By how many pixels the page is wider than the window, or than an element around its content that scrolls."""
CLIPPED = """() => [...document.querySelectorAll("button, a, th, label, h1, h2, legend, [role=tab]")]
  .filter((each) => each.checkVisibility() && !each.title && each.scrollWidth > each.clientWidth + 1
    && getComputedStyle(each).overflowX !== "visible")
  .map((each) => each.textContent)"""


@cache
def catalogue() -> list[tuple[re.Pattern[str], str, str]]:
    """Return the texts of all rooms: a pattern of the English one, that text, and the German one."""
    return list(_catalogue())


def _catalogue() -> Iterator[tuple[re.Pattern[str], str, str]]:
    for room in sorted((TEXTS / "en").glob("*.json")):
        german = json.loads((TEXTS / "de" / room.name).read_text(encoding="utf-8"))
        for key, text in json.loads(room.read_text(encoding="utf-8")).items():
            if "plural," not in text and "select," not in text:
                parts = re.split(r"\{(\w+)\}", text)
                pattern = "".join(f"(?P<{each}>.+)" if n % 2 else re.escape(each) for n, each in enumerate(parts))
                if len(set(parts[1::2])) == len(parts[1::2]):
                    yield re.compile(pattern), text, german[key]


@cache
def keys() -> set[str]:
    """Return the keys of all texts, which the page shows if a text is missing."""
    rooms = (TEXTS / "en").glob("*.json")
    return {f"{room.stem}.{key}" for room in rooms for key in json.loads(room.read_text(encoding="utf-8"))}


def literal(text: str) -> int:
    """Return the length of a text without its placeholders."""
    return len(re.sub(r"\{\w+\}", "", text).strip())


def translations(name: str) -> list[str]:
    """Return the German texts for the English name of a control."""
    whole = [german for _, english, german in catalogue() if english == name]
    if whole:
        return whole
    found = ((pattern.fullmatch(name), german) for pattern, english, german in catalogue() if literal(english) >= 4)
    filled = [
        re.sub(r"\{(\w+)\}", lambda part, m=match: whole_translation(m[part[1]]), german)  # type: ignore[misc]
        for match, german in found
        if match
    ]
    return filled or [name]


def whole_translation(value: str) -> str:
    """Return the German text for a placeholder whose value is itself a text, otherwise the value."""
    return next((german for _, english, german in catalogue() if english == value), value)


async def faults_of(page: Page, shown: Shown, width: int, ids: dict[str, str]) -> list[str]:
    """Take the screenshot of a page in a width. Return its faults: it does not open, or its texts."""
    name = f"{shown.name}-{width}"
    try:
        await show(page, shown, width, ids, translations)
    except (AssertionError, Error) as error:
        return [f"{name}: {str(error)[:200]}"]
    await page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")
    wide: int = await page.evaluate(WIDE)
    clipped = await page.evaluate(CLIPPED)
    english = {text for _, text, german in catalogue() if text != german and len(text) > 3}
    english -= {german for _, _, german in catalogue()}
    texts = set(await page.evaluate(SHOWN_TEXTS))
    untranslated = sorted(((english | keys()) - VALUES) & texts)
    found = [f"{name}: {text!r} is not translated" for text in untranslated]
    found += [f"{name}: {text!r} is cut" for text in clipped if "/" not in text]
    return [*found, f"{name}: {wide} px too wide"] if wide > 0 else found


@pytest.mark.screenshots
@pytest.mark.usefixtures("prepared")
async def test_every_page_in_german(page: Page, site: Site) -> None:
    ids = fill(site)
    await page.context.add_init_script(GERMAN)
    page.set_default_timeout(8000)
    expect.set_options(timeout=8000)
    FOLDER.mkdir(parents=True, exist_ok=True)
    faults = [
        fault for shown in [*PAGES, *OF_RUNS] for width in WIDTHS for fault in await faults_of(page, shown, width, ids)
    ]
    assert not faults, "\n".join(faults)


PHONE = 390
"""Width of a phone, in CSS pixels."""
TOTALS = """summary: Totals of the orders of a month
value:
  modules:
    - id: totals
      value:
        type: rawscript
        language: python3
        content: |
          def main(net: int):
              if net < 0:
                  raise ValueError("net_amount_of_the_order_is_negative: the order was cancelled before it was paid")
              return {"net": net, "tax": net // 5, "gross": net + net // 5}
        input_transforms:
          net: {type: javascript, expr: flow_input.net}
schema: {type: object, properties: {net: {type: integer}}}
"""
TOTALS_PATH = "f/sales/totals_of_the_orders_of_a_month"
MAIN_PAGES = ("home", "editor", "runs", "schedules-calendar")


@pytest.fixture(scope="module")
def ended_runs(site: Site, prepared: None) -> list[tuple[Shown, str]]:
    """Run a workflow with an error, then with success. Return the pages of these runs, each with a text on it."""
    site.deploy(TOTALS_PATH, TOTALS)
    pages = []
    for net, text in ((-1, "net_amount_of_the_order"), (100, "gross")):
        site.client.post(f"/api/w/main/jobs/run_wait_result/f/{TOTALS_PATH}", json={"net": net})
        [newest, *_] = site.client.get(f"/api/w/main/jobs/list?script_path_exact={TOTALS_PATH}").json()
        address = f"/runs/{newest['id']}"
        pages += [
            (Shown(f"run-of-{net}", address), text),
            (Shown(f"run-of-{net}-timeline", address, ["Timeline"], "tabpanel"), "totals"),
            (Shown(f"run-of-{net}-data", address, ["Data"], "tabpanel"), text),
        ]
    return pages


@pytest.mark.parametrize(
    "pages",
    [
        [each for each in PAGES if each.name in MAIN_PAGES],
        pytest.param([*PAGES, *OF_RUNS], marks=pytest.mark.soak),
    ],
    ids=["main", "all"],
)
async def test_no_german_page_is_wider_than_phone(
    page: Page, site: Site, pages: list[Shown], ended_runs: list[tuple[Shown, str]]
) -> None:
    ids = fill(site) if len(pages) > len(MAIN_PAGES) else {}
    await page.context.add_init_script(GERMAN)
    faults = []
    for shown, text in [*((each, "") for each in pages), *ended_runs]:
        await show(page, shown, PHONE, ids, translations)
        if text:
            await expect(page.get_by_role("main").get_by_text(text).first).to_be_visible()
        wide: int = await page.evaluate(WIDE)
        faults += [f"{shown.name}: {wide} px too wide"] if wide > 0 else []
    assert faults == []


RELEASED = """summary: Totals
value:
  modules: [{id: region, value: {type: identity, input_transforms: {of: {type: static, value: "$var:f/shop/region"}}}}]
"""


async def test_reasons_that_prevent_a_deployment_are_german(page: Page, site: Site) -> None:
    for workspace in ("prevented-dev", "prevented-live"):
        post(site, "/api/workspaces/create", {"id": workspace, "name": workspace})
        post(site, f"/api/w/{workspace}/folders/create", {"name": "shop"})
    rules = {"approvals": 2, "approvers": ["u/admin"], "workflow_tests": "require"}
    post(site, "/api/environments/create", {"name": "prevented", "workspace": "prevented-live"})
    post(site, "/api/environments/update/prevented", {"rules": rules})
    post(site, "/api/w/prevented-dev/variables/create", {"path": "f/shop/region", "value": "dev"})
    flow = {"path": "f/shop/totals", "source": {"format": "yaml", "text": RELEASED}}
    post(site, "/api/w/prevented-dev/flows/create", flow)
    post(site, "/api/w/prevented-dev/releases/create", {"items": [{"kind": "flow", "path": "f/shop/totals"}]})
    release = {"source": "prevented-dev", "number": 1}
    answer = site.client.post("/api/w/prevented-live/deployments/create", json=release)
    answer.raise_for_status()
    await page.context.add_init_script(GERMAN)
    await page.goto(f"/w/prevented-live/environments/prevented/requests/{answer.json()['id']}")
    await expect(page.get_by_role("list", name="Verhindert die Bereitstellung")).to_have_text(
        "Die Variable f/shop/region existiert in prevented-live nicht, oder Sie dürfen sie nicht lesen."
        "Legen Sie sie in prevented-live mit dem Wert dieser Umgebung an.f/shop/region anlegen"
    )
    rows = page.get_by_role("list", name="Noch nicht erfüllte Regeln").get_by_role("listitem")
    await expect(rows).to_contain_text(
        [
            "Der Antrag hat 0 von 2 Freigaben.Freigebende: u/admin.",
            "Der Workflow f/shop/totals hat keinen Test in prevented-dev.Legen Sie einen in prevented-dev an",
        ]
    )
