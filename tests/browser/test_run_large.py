"""Page of a run with a loop of 10,000 iterations and a result of 20 MB; prints measurements."""

from __future__ import annotations

import re
import time

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import node
from tests.browser.test_run_page import started

pytestmark = pytest.mark.extended

LOOP = """value:
  modules:
    - id: each
      value:
        type: forloopflow
        iterator: {type: javascript, expr: "Array.from({length: 10000}, (_, n) => n)"}
        skip_failures: false
        parallel: true
        modules:
          - {id: one, value: {type: identity}}
"""
BIG = """value:
  modules:
    - id: make
      value:
        type: rawscript
        language: python3
        content: |
          def main():
              return [{"number": n, "text": "x" * 180} for n in range(100_000)]
        input_transforms: {}
"""
LONG_S = 180_000


@pytest.mark.soak
async def test_loop_of_ten_thousand_iterations(page: Page, site: Site) -> None:
    _, id = started(site, LOOP)
    await page.goto(f"/w/main/runs/{id}")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Succeeded", timeout=LONG_S)
    begun = time.perf_counter()
    await page.goto(f"/w/main/runs/{id}")
    await expect(node(page, "each")).to_contain_text("of 10000")
    opened = time.perf_counter()
    await node(page, "each").get_by_label("Iteration number").fill("9876")
    await node(page, "one").click()
    await expect(page.locator('[data-value="Output of one"]')).to_contain_text("9875")
    picked = time.perf_counter()
    await page.get_by_role("tab", name="Data").click()
    await page.locator('[data-value="Result"]').get_by_role("button", name="Load all").click()
    await expect(page.locator('[data-value="Result"]')).to_contain_text("10,000 items")
    shown = time.perf_counter()
    print(f"10,000 iterations: opened {opened - begun:.2f} s, the 9,876th {picked - opened:.2f} s", end="; ")
    print(f"result as a tree {shown - picked:.2f} s")


@pytest.mark.soak
async def test_result_of_twenty_megabytes(page: Page, site: Site) -> None:
    _, id = started(site, BIG)
    await page.goto(f"/w/main/runs/{id}")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Succeeded", timeout=LONG_S)
    await page.goto(f"/w/main/runs/{id}?tab=data")
    begun = time.perf_counter()
    result = page.locator('[data-value="Result"]')
    await expect(result).to_contain_text(re.compile(r"66 kB of 2\d\.\d MB"))
    shown = time.perf_counter()
    await result.get_by_role("button", name="Read on").click()
    await expect(result).to_contain_text("1.1 MB of 2")
    more = time.perf_counter()
    await expect(result.get_by_role("link", name="Download")).to_have_attribute("download", f"{id}.json")
    print(f"20 MB: beginning {shown - begun:.2f} s, another MB {more - shown:.2f} s")
