"""First minutes of a newcomer (docs/tutorials/first-workflow.md): a clone, `make up`, a run by webhook."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from tests.browser.conftest import PASSWORD, ROOT, write_code
from tests.browser.test_editing import add, deploy, draft_saved, node
from tests.browser.test_fields import fill_in

pytestmark = pytest.mark.extended

CODE = "def main(name: str):\n    return f'Hello {name}!'\n"
PATIENCE_S = 1200


class Watch:
    """Prints the duration of each part, which the test does not check."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()

    def reached(self, what: str) -> None:
        now = time.monotonic()
        print(f"{what}: {now - self._last:.0f} s, {(now - self._began) / 60:.1f} min in all")
        self._last = now


@contextmanager
def fresh() -> Iterator[Path]:
    """Yield an empty folder with a clone of the repository."""
    folder = Path(tempfile.mkdtemp(prefix="orvanta-newcomer-"))
    folder.chmod(0o711)
    try:
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder / "orvanta")], check=True)
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def up(folder: Path, port: int) -> Iterator[list[str]]:
    """Run `make up` in a minimal environment; yield its output once it is ready."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "ORVANTA_HOME": str(folder / "data")}
    environ["ORVANTA_PORT"] = str(port)
    process = subprocess.Popen(
        ["make", "up"],
        cwd=folder / "orvanta",
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said: list[str] = []
    ready = threading.Event()

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if "Stop" in line:
                ready.set()
        ready.set()

    reader = threading.Thread(target=listen, daemon=True)
    reader.start()
    try:
        assert ready.wait(PATIENCE_S) and process.poll() is None, "".join(said)
        yield said
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE_S)
        reader.join()
        assert process.stdout is not None
        process.stdout.close()


@pytest_asyncio.fixture(loop_scope="session")
async def newcomer(chromium: Browser) -> AsyncIterator[Page]:
    context = await chromium.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(60_000)
    yield await context.new_page()
    await context.close()


@pytest.mark.soak(minutes=30)
async def test_new_user_runs_own_workflow_by_webhook(newcomer: Page) -> None:
    page, watch = newcomer, Watch()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with fresh() as folder:
        watch.reached("cloned")
        with up(folder, port) as said:
            watch.reached("make up is ready")
            found = re.search(r"open (\S+) once", "".join(said))
            assert found is not None
            await page.goto(found[1])
            await page.get_by_label("New password").fill(PASSWORD)
            await page.get_by_role("button", name="Set the password").click()
            await page.get_by_role("link", name="Workflows", exact=True).click()
            watch.reached("logged in")
            await first_workflow(page)
            watch.reached("written and deployed")
            await page.get_by_role("link", name="Triggers").click()
            await page.get_by_role("button", name="Create token").click()
            await expect(page.get_by_text("shown only once")).to_be_visible()
            await page.get_by_label("Result, after the run").check()
            command = await page.locator('[data-command="curl command"]').inner_text()
            shell = ["sh", "-c", command.replace("'{}'", """'{"name": "Ada"}'""")]
            answer = await asyncio.to_thread(subprocess.run, shell, check=True, capture_output=True, text=True)
            assert "Hello Ada!" in answer.stdout, (command, answer)
            watch.reached("run by its webhook")
            await page.get_by_role("navigation", name="Pages").get_by_role("link", name="Runs").click()
            await page.get_by_role("link", name="f/first/greet").first.click()
            await page.get_by_role("tab", name="Data").click()
            await expect(page.get_by_text("Hello Ada!").first).to_be_visible()
            watch.reached("seen on the run's page")


async def first_workflow(page: Page) -> None:
    """Create and deploy on the page a workflow with one Python node, which greets the name of its input."""
    await page.get_by_role("button", name="New workflow").click()
    await page.get_by_label("Name", exact=True).fill("Greet")
    await page.get_by_role("combobox", name="Folder").select_option("New folder…")
    await page.get_by_label("Folder name").fill("first")
    await page.get_by_role("button", name="Create workflow").click()
    await page.wait_for_url("**/workflows/f/first/greet")
    await page.get_by_role("main").get_by_role("button", name="Add a node").last.click()
    await add(page, "Python")
    await expect(node(page, "script")).to_be_visible()
    code = page.get_by_role("textbox", name="Code")
    await write_code(code, CODE)
    await fill_in(page, "name", "Expression")
    await write_code(page.get_by_role("textbox", name="name", exact=True), "flow_input.name")
    await draft_saved(page)
    await deploy(page, "Greets")
