"""Azurite, a server with the protocol of Azure Blob Storage, if it is installed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from tests.processes import with_parent
from tests.storage.seaweed import free_ports

ACCOUNT, KEY = "tests", base64.b64encode(b"not a secret of anybody").decode()
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """Port of the server, and the environment variables of its clients."""

    port: int

    @property
    def environment(self) -> dict[str, str]:
        return {"AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": KEY}

    def url(self, container: str, prefix: str = "") -> str:
        """Return the OBJECT_STORAGE_URL of a container."""
        return f"az://{container}/{prefix}?endpoint=http://127.0.0.1:{self.port}/{ACCOUNT}"

    def make(self, container: str) -> None:
        """Create a container, which uploads do not create."""
        path = f"/{ACCOUNT}/{container}"
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
        signed = "".join(f"{name}:{value}\n" for name, value in headers.items())
        blank = "\n" * 12
        text = f"PUT{blank}{signed}/{ACCOUNT}{path}\nrestype:container"
        mac = hmac.digest(base64.b64decode(KEY), text.encode(), hashlib.sha256)
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(mac).decode()}"
        status, answer = _ask(self.port, "PUT", f"{path}?restype=container", headers)
        assert status == 201, answer


def program() -> str | None:
    """Return the program of the server, from AZURITE or the PATH."""
    return os.environ.get("AZURITE") or shutil.which("azurite-blob")


@contextmanager
def running() -> Iterator[Server]:
    """Run a server until the end of the block."""
    azurite = program()
    assert azurite is not None, "azurite is not installed"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="azurite-")))
        (port,) = free_ports(1)
        command = [azurite, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder), "--silent"]
        command += ["--disableTelemetry", "--skipApiVersionCheck"]
        log = stack.enter_context((folder / "log").open("wb"))
        env = {"HOME": str(folder), "PATH": os.environ["PATH"], "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=env, preexec_fn=with_parent(signal.SIGKILL))
        stack.callback(process.wait)
        stack.callback(process.kill)
        deadline = time.monotonic() + _PATIENCE_S
        while not _listens(port):
            assert time.monotonic() < deadline and process.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        yield Server(port)


def _listens(port: int) -> bool:
    try:
        _ask(port, "GET", "/", {})
    except (OSError, http.client.HTTPException):
        return False
    return True


def _ask(port: int, method: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, headers={**headers, "Content-Length": "0"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
