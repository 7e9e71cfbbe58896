"""Number and compressed size of loaded files: all files of the first workflow, the scripts of the home page."""

from __future__ import annotations

import asyncio
import gzip
import re

import pytest
from playwright.async_api import Page, Request, expect
from tests.browser.conftest import DIST

FIRST_LOAD = 230_000
"""Maximum size of the files of the first workflow, in bytes with gzip."""

FILES = {"workflow": 18, "home": 8}
"""Maximum number of files that a page loads first: each is a request, which takes longer than some kilobytes."""

HOME = 56_300
"""Maximum size of the scripts of the home page, in bytes with gzip."""


async def watch(page: Page) -> set[str]:
    """Return a set that receives the names of the assets that the page loads."""
    # The page may still be loading parts of the home page.
    await page.goto("about:blank")
    names: set[str] = set()

    def add(url: str) -> None:
        if "/assets/" in url:
            names.add(url.rpartition("/assets/")[2])

    page.on("response", lambda answer: add(answer.url))
    return names


def size(names: set[str]) -> int:
    return sum(len(gzip.compress((DIST / "assets" / name).read_bytes(), 9)) for name in names)


@pytest.mark.extended
async def test_first_load_is_within_budget(page: Page) -> None:
    names = await watch(page)
    await page.goto("/w/main/workflows/f/examples/order_processing")
    await expect(page.locator('.react-flow__node[data-id="price"]')).to_be_visible()
    await expect(page.get_by_role("list", name="Triggers", exact=True)).to_be_visible()
    assert len(names) >= 4
    assert size(names) <= FIRST_LOAD, {name: size({name}) for name in names}
    assert len(names) <= FILES["workflow"], (len(names), names)


@pytest.mark.extended
async def test_scripts_of_home_are_within_budget(page: Page) -> None:
    names = await watch(page)
    await page.goto("/w/main")
    await expect(page.get_by_role("region", name="Recently opened")).to_be_visible()
    scripts = {name for name in names if name.endswith(".js")}
    assert len(scripts) >= 4
    assert size(scripts) <= HOME, {name: size({name}) for name in scripts}
    assert len(names) <= FILES["home"], (len(names), names)


@pytest.mark.extended
def test_frame_is_requested_with_first_script() -> None:
    # Otherwise the browser would find it in the first script, one round trip later.
    page = (DIST / "index.html").read_text()
    assert re.search(r'<link rel="modulepreload" crossorigin href="/assets/frame-[^"]+\.js">', page)
    assert re.search(r'<link rel="stylesheet" crossorigin href="/assets/frame-[^"]+\.css">', page)


@pytest.mark.extended
@pytest.mark.parametrize(
    "chunk", ["start", "frame", "page", "list", "runs", "run", "graph", "model", "shared", "workflow"]
)
def test_functions_of_first_scripts_are_compiled_while_they_are_loaded(chunk: str) -> None:
    files = sorted((DIST / "assets").glob(f"{chunk}-????????.js"))
    assert files
    for file in files:
        # The browser reads the comment only before all code.
        assert file.read_text().startswith("//# allFunctionsCalledOnLoad\n"), file.name


LINKED = re.compile(r"</assets/([^>]+)>")


@pytest.mark.extended
@pytest.mark.parametrize(
    ("address", "chunk"),
    [
        ("", "page"),
        ("/runs", "list"),
        ("/scripts", "list-page"),
        ("/workflows/f/examples/order_processing", "workflow"),
        ("/settings/audit", "audit-page"),
    ],
)
async def test_files_of_a_page_are_requested_with_first_script(page: Page, address: str, chunk: str) -> None:
    names: set[str] = set()
    first_call = asyncio.Event()

    def add(request: Request) -> None:
        if "/api/" in request.url:
            first_call.set()
        if "/assets/" in request.url and not first_call.is_set():
            names.add(request.url.rpartition("/assets/")[2])

    await page.goto("about:blank")
    page.on("request", add)
    response = await page.goto(f"/w/main{address}", wait_until="commit")
    assert response
    await first_call.wait()
    index = re.findall(r"/assets/([^\"]+)", (DIST / "index.html").read_text())
    linked = LINKED.findall((await response.all_headers())["link"])
    assert any(re.fullmatch(rf"{chunk}-.{{8}}\.js", name) for name in linked)
    assert set(linked) <= names
    assert names <= {*linked, *index}
