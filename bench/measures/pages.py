"""P20: time until pages show their data in a browser, with a long history."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from uuid import UUID

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from bench.bars import Options, Outcome
from bench.direct_database import until
from bench.installation import Installation, installation
from bench.large import large
from bench.run_cloner import ENDED, copy
from bench.samples import Samples
from bench.targets import outcome
from orvanta_platform.embedded.postgres import start

_RUNS, _AT_ONCE, _NODES = 1_000_000, 100_000, 50
_PATH = "f/bench/page"
_BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
_SHOWN = "selector => document.querySelector(selector) && performance.now()"
"""Returns the milliseconds since the page was opened, once the element exists."""


def p20(options: Options) -> Outcome:
    """Open home, the list of runs, the editor and a run, first with an empty cache and then again."""
    runs, rounds = (options.jobs, 1) if options.quick else (_RUNS, options.rounds)
    with installation() as orvanta, start(orvanta.database) as database:
        pages = _prepare(orvanta, database.owner_url, runs)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=_browser(), args=_FLAGS)
            times = {name: _open(browser, orvanta, *page, rounds) for name, page in pages.items()}
            browser.close()
    for name, (cold, warm) in times.items():
        options.say(f"  {name}: empty cache {cold.text()}; again {warm.text()}")
    measured = ", ".join(f"{name} {cold.median:.0f} ({warm.median:.0f})" for name, (cold, warm) in times.items())
    data = {name: {"cold": cold.record(), "warm": warm.record()} for name, (cold, warm) in times.items()}
    return outcome("P20", options, f"{measured} ms", {"runs": runs, "pages": data})


def _browser() -> str:
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        raise RuntimeError("there is no chromium (apt-get install chromium-headless-shell)")
    return found


def _prepare(orvanta: Installation, url: str, runs: int) -> Mapping[str, tuple[str, str]]:
    """Create a history, a workflow and a run of it. Return the address and an element of the data of each page."""
    orvanta.deploy(_PATH, large(_NODES))
    status, answer = orvanta.client.post(
        f"/api/w/main/jobs/run_wait_result/f/{_PATH}", {"start": 100, "rate": 2}, orvanta.headers
    )
    assert status in (200, 201), answer
    run = orvanta.newest_run(_PATH)["run_id"]
    body = {"kind": "identity", "args": {}}
    status, answer = orvanta.client.post("/api/w/main/jobs/run/preview", body, orvanta.headers)
    assert status == 201, answer
    model = UUID(answer.decode())
    until(url, "SELECT EXISTS (SELECT FROM run WHERE id = $1)", [orvanta.program], model)
    for done in range(0, runs, _AT_ONCE):
        asyncio.run(copy(url, model, ENDED, min(_AT_ONCE, runs - done), skip=done))
    return {
        "home": ("/w/main", "main a[href*='tests=none']"),
        "runs": ("/w/main/runs", "[data-run]"),
        "editor": (f"/w/main/workflows/{_PATH}", ".react-flow__node"),
        "run": (f"/w/main/runs/{run}", ".react-flow__node"),
    }


def _open(browser: Browser, orvanta: Installation, address: str, selector: str, rounds: int) -> tuple[Samples, Samples]:
    """Return the milliseconds of a page with an empty cache, and when it is opened again."""
    cold, warm = [], []
    for _ in range(rounds):
        context = browser.new_context(base_url=orvanta.base, viewport={"width": 1440, "height": 900})
        token = orvanta.headers["Authorization"].removeprefix("Bearer ")
        context.add_cookies([{"name": "token", "value": token, "url": orvanta.base, "httpOnly": True}])
        cold.append(_milliseconds(context, address, selector))
        warm.append(_milliseconds(context, address, selector))
        context.close()
    return Samples.of("ms", cold), Samples.of("ms", warm)


def _milliseconds(context: BrowserContext, address: str, selector: str) -> float:
    page = context.new_page()
    page.goto(address, wait_until="commit")
    shown = page.wait_for_function(_SHOWN, arg=selector)
    milliseconds = float(shown.json_value())
    page.close()
    return milliseconds
