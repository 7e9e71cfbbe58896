"""HAProxy, as Debian packages it, before two servers."""

from __future__ import annotations

import http.client
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.installation import PATIENCE_S
from tests.polling import POLL_S
from tests.ports import free_port
from tests.processes import with_parent

PROGRAM = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
"""Path of the installed program, or None."""

_SETTINGS = """defaults
    mode http
    timeout connect 5s
    timeout client 700s
    timeout server 700s
    timeout check 5s
    option redispatch

frontend orvanta
    bind 127.0.0.1:{port}
    option forwardfor
    default_backend servers

backend servers
    balance roundrobin
    option httpchk GET /api/health/ready
    default-server check inter 500ms fall 1 rise 1 on-marked-down shutdown-sessions
{servers}
"""


@contextmanager
def running(ports: Sequence[int]) -> Iterator[str]:
    """Run a balancer of the servers at these ports until the end of the block, and yield its URL."""
    assert PROGRAM is not None, "haproxy is not installed"
    port = free_port()
    servers = "\n".join(f"    server server{number} 127.0.0.1:{each}" for number, each in enumerate(ports))
    with tempfile.TemporaryDirectory(prefix="haproxy-") as folder:
        settings = Path(folder, "settings")
        settings.write_text(_SETTINGS.format(port=port, servers=servers))
        with Path(folder, "log").open("wb") as log:
            command = [PROGRAM, "-db", "-f", str(settings)]
            process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=with_parent(signal.SIGKILL))
        try:
            _await(process, port, Path(folder, "log"))
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the balancer answers and has a healthy server."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/api/health/ready")
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(POLL_S)
    raise AssertionError(log.read_text())
