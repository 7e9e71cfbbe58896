"""A complete installation, started as by a user: `orvanta up` in a clean environment."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.folders import make_folder
from tests.ports import free_port
from tests.processes import with_parent

ORVANTA = Path(sys.executable).with_name("orvanta")
PATIENCE_S = 120
"""Timeout of each wait in a test, in seconds. It is no requirement on performance."""


@dataclass(frozen=True, slots=True)
class Running:
    """A running platform: home, address, the admin's token, environment variables, id of the first process."""

    home: Path
    base: str
    token: str
    environ: dict[str, str]
    pid: int


@contextmanager
def running(name: str, settings: Mapping[str, str], program: Path = ORVANTA) -> Iterator[Running]:
    """Start a platform with these settings in a new home; stop it like Ctrl-C, and check that its exit code is 0.

    `program` is the command `orvanta` of the environment that is used.
    """
    home = make_folder(name, 0o711)
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "ORVANTA_HOME": str(home / ".local/share/orvanta"),
        "ORVANTA_PORT": str(port),
        **settings,
    }
    process = subprocess.Popen(
        [str(program), "up"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=with_parent(signal.SIGTERM),
    )
    lines: list[str] = []
    ready = threading.Event()
    reader = threading.Thread(target=_read, args=(process, lines, ready), daemon=True)
    reader.start()
    try:
        assert ready.wait(PATIENCE_S), "".join(lines)
        token = Path(environ["ORVANTA_HOME"], "token").read_text().strip()
        yield Running(home, f"http://127.0.0.1:{port}", token, environ, process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        reader.join()
        assert process.stdout is not None
        process.stdout.close()
        shutil.rmtree(home)
        assert code == 0, "".join(lines[-50:])


def _read(process: subprocess.Popen[str], lines: list[str], ready: threading.Event) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if " is ready at " in line:
            ready.set()
    ready.set()
