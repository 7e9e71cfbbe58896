"""Log on the page of a run: live, followed, searched, filtered, of one node, with 100,000 lines."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect
from tests.browser.conftest import Site
from tests.browser.test_run_page import consent, started

TALKING = r"""value:
  modules:
    - id: talk
      value:
        type: rawscript
        language: bash
        content: |
          for n in $(seq 1 2000); do echo "line $n of talk"; done
          printf '\033[31mERROR red things broke\033[0m\n  at a place\nWARNING careful\n10 %%\r100 %%\n%0600d\n' 7
        input_transforms: {}
    - {id: ask, value: {type: approval, message: Go on?}}
    - id: again
      retry: {constant: {attempts: 1, seconds: 0}}
      value:
        type: rawscript
        language: bash
        content: |
          echo "the end of again"
          false
        input_transforms: {}
"""

LINE_PX = 20

LONG = """value:
  modules:
    - id: talk
      value:
        type: rawscript
        language: bash
        content: 'seq -f "2026-01-01 12:00:00 INFO  line %.0f of a log that is as long as logs are" 1 100000'
        input_transforms: {}
"""


async def test_log_is_followed_searched_and_filtered(page: Page, site: Site) -> None:
    _, id = started(site, TALKING)
    await page.goto(f"/w/main/runs/{id}?tab=logs")
    log = page.get_by_role("log", name="Log")
    lines = lines_of(page)
    await expect(log.get_by_text("100 %", exact=True)).to_be_visible(timeout=60_000)
    await expect(lines.filter(has_text="red things").locator("span").last).to_have_text("ERROR red things broke")
    assert await lines.count() < 150
    await scroll_up_and_follow_again(page, site, id)
    await wrap_long_line(page)
    await show_times(page)
    await find_by_keyboard(page)
    await page.get_by_label("Log level").select_option("Warnings and errors")
    await page.get_by_label("Find in log").fill("")
    await expect(lines).to_have_count(3)
    await expect(lines).to_contain_text(["ERROR red things broke", "at a place", "WARNING careful"])
    await show_one_node_and_attempt(page)


def lines_of(page: Page) -> Locator:
    return page.get_by_role("log", name="Log").locator("[data-index]")


async def scroll_up_and_follow_again(page: Page, site: Site, id: str) -> None:
    """Scroll up, so that new lines do not move the log, and follow it again."""
    log = page.get_by_role("log", name="Log")
    await log.hover()
    await page.mouse.wheel(0, -4000)
    await expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "false")
    consent(site, id, "ask")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Failed", timeout=60_000)
    await expect(log.get_by_text("the end of again")).to_have_count(0)
    await log.press("f")
    await expect(lines_of(page).filter(has_text="the end of again").last).to_contain_text("again ×2")


async def wrap_long_line(page: Page) -> None:
    log = page.get_by_role("log", name="Log")
    long = lines_of(page).filter(has_text="0000000000")
    await expect(long).to_have_css("height", f"{LINE_PX}px")
    await log.press("w")
    await expect(page.get_by_role("button", name="Wrap")).to_have_attribute("aria-pressed", "true")
    await expect(long).not_to_have_css("height", f"{LINE_PX}px")
    assert await long.evaluate("each => each.scrollWidth <= each.clientWidth")
    await log.press("w")


async def show_times(page: Page) -> None:
    """Show times since the start of the node, with the date as tooltip, and hide them."""
    log = page.get_by_role("log", name="Log")
    await expect(log.locator("time")).to_have_count(0)
    await page.get_by_role("button", name="Show times").click()
    shown = lines_of(page).filter(has_text="the end of again").last.locator("time")
    await expect(shown).to_have_text(re.compile(r"^\+\d"))
    await expect(shown).to_have_attribute("title", re.compile(r"20\d\d.*\.\d{3}"))
    await page.get_by_role("button", name="Show times").click()
    await expect(log.locator("time")).to_have_count(0)


async def find_by_keyboard(page: Page) -> None:
    """Find a text forwards and backwards by keyboard; the position and number of matches are shown."""
    log = page.get_by_role("log", name="Log")
    await log.press("/")
    await page.keyboard.type("LINE 17")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("1 of 111", exact=True)).to_be_visible()
    await page.keyboard.press("Shift+Enter")
    await expect(page.get_by_text("111 of 111", exact=True)).to_be_visible()
    await expect(log.locator("[data-current]")).to_contain_text("line 1799 of talk")
    await expect(log.locator("[data-current] mark")).to_have_text("line 17")


async def show_one_node_and_attempt(page: Page) -> None:
    """Select a node and an attempt, which are stored in the address, and download their log."""
    lines = lines_of(page)
    await page.get_by_label("Log level").select_option("All lines")
    await page.get_by_label("Log of").select_option("again")
    await expect(lines).to_contain_text(["the end of again", "[orvanta] attempt 2", "the end of again"])
    await page.get_by_label("Attempt").select_option("Attempt 1")
    await expect(lines).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"node=again.*attempt=1"))
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download").click()
    assert "the end of again" in (await (await download.value).path()).read_text()


MEASURE = """async () => {
  const port = document.querySelector('[role=log]');
  const frames = [];
  let last = performance.now();
  const whole = port.scrollHeight - port.clientHeight;
  for (let step = 1; step <= 240; step++) {
    port.scrollTop = (whole * step) / 240;
    await new Promise((done) => requestAnimationFrame(done));
    frames.push(performance.now() - last);
    last = performance.now();
  }
  frames.sort((one, other) => one - other);
  return {median: frames[120], p95: frames[228], worst: frames[239], whole,
          heap_mb: performance.memory.usedJSHeapSize / 1048576, drawn: port.querySelectorAll('[data-index]').length};
}"""


@pytest.mark.soak
async def test_log_of_hundred_thousand_lines_scrolls(page: Page, site: Site) -> None:
    _, id = started(site, LONG)
    await page.goto(f"/w/main/runs/{id}?tab=logs")
    log = page.get_by_role("log", name="Log")
    await expect(log.get_by_text("line 100000 of")).to_be_visible(timeout=120_000)
    await log.press("f")
    found: dict[str, Any] = await page.evaluate(MEASURE)
    began = await page.evaluate("performance.now()")
    await page.get_by_label("Find in log").fill("line 99")
    await expect(page.get_by_text(re.compile("of 1111$"))).to_be_visible()
    found["searched_ms"] = await page.evaluate("performance.now()") - began
    await page.reload()
    began = await page.evaluate("performance.now()")
    await expect(log.get_by_text("line 100000 of")).to_be_visible(timeout=120_000)
    found["opened_ms"] = await page.evaluate("performance.now()") - began
    print(json.dumps({name: round(value, 1) for name, value in found.items()}))
    assert found["drawn"] < 150
    assert found["whole"] > 100_000 * 19


@pytest.mark.soak
async def test_log_beyond_buffer_is_fetched(page: Page, site: Site) -> None:
    _, id = started(site, LONG.replace('logs are" 1 100000', 'logs are" 1 520000').replace("INFO  line", "line"))
    await page.goto(f"/w/main/runs/{id}?tab=logs")
    log = page.get_by_role("log", name="Log")
    await expect(page.get_by_text("The log continues.")).to_be_visible(timeout=300_000)
    notice = await page.get_by_text("The log continues.").text_content()
    count = int(re.sub(r"\D", "", notice or ""))
    assert 500_000 <= count < 520_000
    await expect(log.get_by_text(re.compile(rf"line {count}( |$)"))).to_be_visible()
    await page.get_by_role("button", name="Show next lines").click()
    await expect(log.get_by_text("line 520000 of")).to_be_visible(timeout=120_000)
    await expect(page.get_by_text("The log continues.")).to_have_count(0)
    await log.press("Home")
    await expect(log.get_by_text(re.compile(rf"line {count + 1}( |$)"))).to_be_visible()


async def test_log_names_node_that_was_selected_elsewhere(page: Page, site: Site) -> None:
    _, id = started(site, "value:\n  modules:\n    - {id: ask, value: {type: approval, message: Log?}}\n")
    await page.goto(f"/w/main/runs/{id}?node=ask")
    await page.get_by_role("tab", name="Logs").click()
    await expect(page.get_by_text("Only the log of ask", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Show whole run").click()
    await expect(page.get_by_label("Log of")).to_have_value("")
    await expect(page.get_by_text("Only the log of ask", exact=True)).to_have_count(0)


async def test_toolbar_of_log_is_one_row_in_wide_windows_also_in_german(page: Page, site: Site) -> None:
    _, id = started(site, "value:\n  modules:\n    - {id: only, value: {type: identity}}\n")
    await page.set_viewport_size({"width": 1440, "height": 900})
    await page.add_init_script("try { localStorage.setItem('orvanta.language', 'de') } catch { /* about:blank */ }")
    await page.goto(f"/w/main/runs/{id}?tab=logs")
    field = page.get_by_role("searchbox", name="Protokoll")
    download = page.get_by_role("link", name="Herunterladen")
    await expect(download).to_be_visible()
    tops = [box["y"] for box in (await field.bounding_box(), await download.bounding_box()) if box]
    assert len(tops) == 2 and abs(tops[0] - tops[1]) < 8
