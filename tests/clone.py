"""Clone of the repository with installed packages and built files, so that `make up` installs and builds nothing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.installation import PATIENCE_S
from tests.ports import free_port

ROOT = Path(__file__).parents[1]
BUILT = ("editor/dist", "editor/src/api", "build/docs", "src/orvanta_platform/evaluate/intl")


@dataclass(frozen=True, slots=True)
class Clone:
    """A folder with the files of the repository, and the environment variables of a user who works in it."""

    folder: Path
    environ: dict[str, str]
    base: str

    @property
    def token(self) -> str:
        """Token of the first administrator."""
        return Path(self.environ["ORVANTA_HOME"], "token").read_text().strip()


@contextmanager
def clone(name: str) -> Iterator[Clone]:
    """Yield a clone with a home and a port of its own; delete it afterwards."""
    home = Path(tempfile.mkdtemp(prefix=f"orvanta-{name}-"))
    home.chmod(0o711)
    try:
        folder = home / "orvanta"
        _copy_files(folder)
        copy_environment(folder)
        port = free_port()
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "ORVANTA_HOME": str(home / "data"),
            "ORVANTA_PORT": str(port),
        }
        yield Clone(folder, environ, f"http://127.0.0.1:{port}")
    finally:
        shutil.rmtree(home)


def _copy_files(folder: Path) -> None:
    """Copy the files that git lists, with uncommitted changes, and the built files."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    copy_built(folder)


def copy_built(folder: Path) -> None:
    """Copy the built files."""
    for built in BUILT:
        if (ROOT / built).is_dir():
            shutil.copytree(ROOT / built, folder / built, dirs_exist_ok=True)


def copy_environment(folder: Path) -> None:
    """Copy the virtual environment by hard links, point it to the clone, and mark it as complete."""
    source, target = ROOT / ".venv", folder / ".venv"
    skipped = shutil.ignore_patterns("node", "docs", "checked-*", "installed-*", "*.pth", "orvanta")
    shutil.copytree(source, target, symlinks=True, ignore=skipped, copy_function=_link)
    [editable] = source.glob("lib/python3*/site-packages/__editable__*orvanta*.pth")
    (target / editable.relative_to(source)).write_text(f"{folder / 'src'}\n")
    program = target / "bin" / "orvanta"
    program.write_text(re.sub(r"^#!.*", f"#!{target}/bin/python", (source / "bin" / "orvanta").read_text()))
    program.chmod(0o755)
    fingerprint = "{ pwd -P; cat pyproject.toml requirements.lock; } | sha256sum | cut -d ' ' -f 1"
    made = subprocess.run(["sh", "-c", fingerprint], cwd=folder, capture_output=True, text=True, check=True)
    (target / f"installed-{made.stdout.strip()}").touch()


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@contextmanager
def command(here: Clone, line: str, until: str) -> Iterator[list[str]]:
    """Run a command that does not end by itself, such as `make up`. Yield its output once a line contains `until`."""
    process = subprocess.Popen(
        ["sh", "-c", f"exec {line}"],
        cwd=here.folder,
        env=here.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    printed: list[str] = []
    ready = threading.Event()

    def listen() -> None:
        assert process.stdout is not None
        for text in process.stdout:
            printed.append(text)
            if until in text:
                ready.set()
        ready.set()

    reader = threading.Thread(target=listen, daemon=True)
    reader.start()
    try:
        assert ready.wait(PATIENCE_S) and process.poll() is None, "".join(printed)
        yield printed
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE_S)
        reader.join()
        assert process.stdout is not None
        process.stdout.close()
