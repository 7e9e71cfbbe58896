"""Fixtures for tests in a real browser on a real installation: Debian's chromium, controlled by playwright.

The headless shell is chromium without windows and menus, which take most of the time of a page.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, async_playwright, expect
from tests.browser.other_server import OtherServer, serving
from tests.installation import PATIENCE_S, Running, running

ROOT = Path(__file__).parents[2]
DIST = ROOT / "editor" / "dist"
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
EMAIL, PASSWORD = "admin@example.org", "correct horse"
LOOKS = [
    ("light", 360),
    ("dark", 1440),
    pytest.param("light", 1440, marks=pytest.mark.soak),
    pytest.param("dark", 360, marks=pytest.mark.soak),
]
"""Colour schemes and widths in which pages are checked."""
ONE_LOOK = [
    pytest.param("dark", 360, marks=pytest.mark.extended),
    *(pytest.param(*look, marks=pytest.mark.soak) for look in (("light", 360), ("dark", 1440), ("light", 1440))),
]
"""Colour schemes and widths for a dialog or panel, whose colours and controls are also checked on other pages."""
PATIENCE_MS = 30_000
"""Timeout of each wait on a page, in milliseconds. It is no requirement on performance."""

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    # Requests of other sites must be refused by the server, not by the browser.
    "--disable-features=LocalNetworkAccessChecks",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
]


FAILED = pytest.StashKey[bool]()
VIOLATION = "The policy was broken: "
TELL_VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) => {
  // Text that the browser itself puts into a field that is written in comes with styles, which nobody needs.
  if (event.effectiveDirective === "style-src-attr" && document.activeElement?.closest(".cm-content")) return;
  console.error("The policy was broken: " + event.effectiveDirective + " " + event.blockedURI + " " + event.sourceFile);
});"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all browser tests in one event loop, in which the browser is started once."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Record that a test failed, for its fixtures."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@dataclass(frozen=True, slots=True)
class Site:
    """The platform with a client of its admin, for test data and for checks by API."""

    base: str
    client: httpx.Client

    def deploy(self, path: str, source: str) -> None:
        """Deploy a workflow in YAML at a path."""
        body = {"path": path, "source": {"format": "yaml", "text": source}}
        answer = self.client.post("/api/w/main/flows/create", json=body)
        assert answer.status_code == 201, answer.text


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[OtherServer]:
    """Yield another server of the editor, whose origin the installation allows."""
    with serving(DIST) as server:
        yield server


@pytest.fixture(scope="session")
def installation(elsewhere: OtherServer, git_folder: Path) -> Iterator[Running]:
    missing = [
        word
        for word, there in (
            ("there is no chromium (apt-get install chromium-headless-shell)", CHROMIUM),
            ("the editor is not built (scripts/editor build)", (DIST / "index.html").is_file()),
        )
        if not there
    ]
    if missing and not os.environ.get("REQUIRE_BROWSER"):
        pytest.skip(f"no browser test: {'; '.join(missing)}")
    assert not missing
    settings = {
        "ORVANTA_ADMIN_EMAIL": EMAIL,
        "ORVANTA_ADMIN_PASSWORD": PASSWORD,
        "ORVANTA_EDITOR_ORIGINS": elsewhere.origin,
        "ORVANTA_AUDIT_RETENTION_DAYS": "36500",
        "ORVANTA_GIT_FOLDER": str(git_folder),
    }
    with running("browser", settings) as made:
        yield made


@pytest.fixture(scope="session")
def site(installation: Running) -> Iterator[Site]:
    headers = {"Authorization": f"Bearer {installation.token}"}
    with httpx.Client(base_url=installation.base, headers=headers, timeout=PATIENCE_S) as client:
        yield Site(installation.base, client)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Yield the browser of all tests; each page has a context with its own cookies and storage."""
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(site: Site, chromium: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """Yield a page without a login; check that it raised no error and sent requests to the site only.

    If the test fails, what the page shows is part of its report.
    """
    # Without animations, because endless ones are painted 60 times a second while a test waits.
    context = await chromium.new_context(
        base_url=site.base, viewport={"width": 1440, "height": 900}, reduced_motion="reduce"
    )
    async for page in _watched(context, site.base):
        yield page
        if request.node.stash.get(FAILED, False):
            print(page.url, await page.locator("body").aria_snapshot(), sep="\n")


@pytest_asyncio.fixture(loop_scope="session")
async def page(stranger: Page, installation: Running) -> Page:
    """Return an empty page with a logged-in user."""
    cookie = {"name": "token", "value": installation.token, "url": installation.base, "httpOnly": True}
    await stranger.context.add_cookies([cookie])  # type: ignore[list-item]
    return stranger


async def log_in(page: Page) -> None:
    """Log in by the form of the current page, or of the home page if the page is empty."""
    if page.url == "about:blank":
        await page.goto("/")
    await page.get_by_label("E-mail address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in", exact=True).click()
    await page.get_by_label("Workspace").wait_for()


async def write_code(editor: Locator, text: str) -> None:
    """Replace the text of a code editor; with `Locator.fill`, the editor may notice the selection too late."""
    await editor.focus()
    await editor.press("ControlOrMeta+a")
    await editor.press("Delete")
    await expect(editor).to_have_text("")
    await editor.page.keyboard.insert_text(text)


def console_errors(page: Page) -> list[str]:
    """Return a list to which the errors in the console of the page are added, with their sources."""
    found: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            found.append(f"{message.text} ({message.location['url']})")

    page.on("console", note)
    return found


async def _watched(context: BrowserContext, base: str) -> AsyncIterator[Page]:
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    faults: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    await context.add_init_script(TELL_VIOLATIONS)
    page.on("console", lambda said: faults.append(said.text) if said.text.startswith(VIOLATION) else None)
    page.on("request", lambda request: asked.append(request.url))
    yield page
    await context.close()
    assert not faults
    assert not [url for url in asked if not url.startswith((base, "data:", "blob:"))]
