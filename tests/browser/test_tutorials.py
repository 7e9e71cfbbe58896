"""Exact execution of the tutorials: `make up` in a clone, commands in a terminal, steps in a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from tests.browser.conftest import PATIENCE_MS
from tests.browser.tutorial import PAGES, Reader, phrases
from tests.clone import clone

FIRST = "first-workflow.md"
OTHERS = ["schedule.md", "approval.md", "promotion.md"]


@pytest_asyncio.fixture(loop_scope="session")
async def reader(chromium: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Reader]:
    """Yield a reader with a new clone and an empty home, before `make up`."""
    with clone("tutorial") as folder, ExitStack() as started:
        context = await chromium.new_context(viewport={"width": 1440, "height": 900}, base_url=folder.base)
        context.set_default_timeout(PATIENCE_MS)
        yield Reader(folder, await context.new_page(), started)
        await context.close()


async def start(reader: Reader) -> None:
    """Start the platform and log in, as the first tutorial does."""
    text = (PAGES / FIRST).read_text()
    beginning, _, _ = text.partition("## Create")
    await reader.follow_text(beginning)


@pytest.mark.extended
async def test_first_workflow(reader: Reader) -> None:
    await reader.follow(FIRST)


@pytest.mark.extended
@pytest.mark.parametrize("name", OTHERS)
async def test_next_tutorial(reader: Reader, name: str) -> None:
    await start(reader)
    await reader.follow(name)


@pytest.mark.extended
async def test_language(reader: Reader) -> None:
    await reader.follow("language.md")


def test_each_tutorial_is_followed() -> None:
    assert {page.name for page in PAGES.glob("*.md")} == {FIRST, *OTHERS, "language.md"}


def test_a_step_in_unknown_words_fails() -> None:
    assert phrases("Click **Deploy**, enter `Greets` in **What changed?**, and the page shows **Deployed**.") == [
        {"button": "Deploy"},
        {"value": "Greets", "field": "What changed?"},
        {"label": "Deployed"},
    ]
    with pytest.raises(AssertionError, match="no known phrase"):
        phrases("Wave at **Deploy**.")
