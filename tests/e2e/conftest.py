"""A whole installation, started as a person starts it: `orvanta up` in a clean environment."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.storage import seaweed
from tests.storage.seaweed import Server

from orvanta_platform.storage.remote import RemoteStorage, connect

ORVANTA = Path(sys.executable).with_name("orvanta")
PATIENCE_S = 120
"""How long anything may take before a test gives up; nothing is measured by it."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A running platform: its home, its address, its admin's token and a client that sends it."""

    home: Path
    base: str
    token: str
    client: httpx.Client
    environ: dict[str, str]
    objects: RemoteStorage

    def doctor(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`orvanta doctor` on this installation."""
        command = [str(ORVANTA), "doctor", *arguments]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def s3() -> Iterator[Server]:
    with seaweed.running() as server:
        yield server


@pytest.fixture(scope="session")
def installation(s3: Server) -> Iterator[Installation]:
    """One for all tests of this folder, with small limits for jobs and its objects in a real S3."""
    home = Path(tempfile.mkdtemp(prefix="orvanta-e2e-"))
    port = _free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "ORVANTA_HOME": str(home / ".local/share/orvanta"),
        "ORVANTA_PORT": str(port),
        "ORVANTA_MEMORY_LIMIT": "256MiB",
        "ORVANTA_PROCESS_LIMIT": "64",
        "ORVANTA_JOB_TIMEOUT_S": "60",
        "OBJECT_STORAGE_URL": s3.url("orvanta", "e2e"),
        **s3.environment,
    }
    home.chmod(0o711)
    process = subprocess.Popen(
        [str(ORVANTA), "up"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said: list[str] = []
    ready = threading.Event()
    reader = threading.Thread(target=_read, args=(process, said, ready), daemon=True)
    reader.start()
    try:
        assert ready.wait(PATIENCE_S), "".join(said)
        base = f"http://127.0.0.1:{port}"
        token = (home / ".local/share/orvanta/token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=base, headers=headers, timeout=PATIENCE_S) as client:
            with pytest.MonkeyPatch.context() as patch:
                for name, value in s3.environment.items():
                    patch.setenv(name, value)
                objects = connect(environ["OBJECT_STORAGE_URL"])
            yield Installation(home, base, token, client, environ, objects)
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
        assert code == 0, "".join(said[-50:])


def _read(process: subprocess.Popen[str], said: list[str], ready: threading.Event) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if " is ready at " in line:
            ready.set()
    ready.set()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
