"""The wheel on its own: installed into an empty environment, without the repository and without Node."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.installation import PATIENCE_S, Running, running

pytestmark = pytest.mark.extended

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "src", "examples", "editor/dist", "build/docs")
SCRIPT = "import math\n\ndef main(n: int):\n    return math.factorial(n)\n"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, install it with the locked packages into an empty environment, and return its folder."""
    if not (ROOT / "editor" / "dist" / "index.html").is_file():
        assert not os.environ.get("REQUIRE_BROWSER"), "the editor is not built"
        pytest.skip("the editor is not built (scripts/editor build)")
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source, target = ROOT / name, folder / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        elif source.exists():
            shutil.copy(source, target)
    venv = folder / "venv"
    uv("build", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", folder / "dist", folder / "source")
    uv("venv", "--python", sys.executable, venv)
    install = ("pip", "install", "--python", venv / "bin" / "python", "--no-deps")
    uv(*install, "--require-hashes", "--requirement", ROOT / "requirements.lock")
    # pip compiles the scripts of the examples, too.
    wheel = next((folder / "dist").glob("*.whl"))
    pip = [sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python")]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", str(wheel)], check=True)
    # The lock file has everything that the metadata of the wheel requires.
    uv("pip", "check", "--python", venv / "bin" / "python")
    shutil.rmtree(folder / "source")
    return venv


def uv(*arguments: str | Path) -> None:
    """Run uv with the package index that pip uses."""
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    index = os.environ.get("PIP_INDEX_URL") or subprocess.run(command, capture_output=True, text=True).stdout.strip()
    environ = os.environ | ({"UV_DEFAULT_INDEX": index} if index else {})
    command = [str(UV), "--quiet", "--no-config", "--system-certs", *map(str, arguments)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def installation(environment: Path) -> Iterator[Running]:
    folders = [str(environment / "bin"), "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    with running("wheel", {"PATH": ":".join(folders)}, environment / "bin" / "orvanta") as made:
        yield made


def test_wheel_runs_a_script(installation: Running, environment: Path) -> None:
    headers = {"Authorization": f"Bearer {installation.token}"}
    with httpx.Client(base_url=installation.base, headers=headers, timeout=PATIENCE_S) as client:
        body = {"content": SCRIPT, "language": "python3", "args": {"n": 5}}
        run = client.post("/api/w/main/jobs/run_wait_result/preview", json=body)
        assert (run.status_code, run.text) == (200, "120")
    command = [str(environment / "bin" / "orvanta"), "workspace", "list"]
    listed = subprocess.run(command, env=installation.environ, capture_output=True, text=True, check=False)
    assert listed.returncode == 0 and "main" in listed.stdout, listed.stderr


def test_wheel_contains_editor_and_documentation(installation: Running) -> None:
    with httpx.Client(base_url=installation.base, timeout=PATIENCE_S) as client:
        page = client.get("/")
        assert page.status_code == 200
        for path in re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text):
            assert client.get(path).status_code == 200, path
        if (ROOT / "build" / "docs" / "index.html").is_file():
            assert client.get("/docs/how-to/operate/install.html").status_code == 200
    if CHROMIUM is None:
        pytest.skip("there is no chromium (apt-get install chromium-headless-shell)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = browser.new_page()
        opened.goto(installation.base)
        opened.get_by_label("E-mail address").wait_for()
        browser.close()
