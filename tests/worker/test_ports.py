"""TCP ports that a job may listen on, at every level."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest
from tests.selection import extended_after_first
from tests.worker.jobs import LEVELS, run
from tests.worker.shared_runtimes import runtimes as runtimes

from orvanta_platform.sandbox import landlock
from orvanta_platform.sandbox.plan import Level
from orvanta_platform.worker.runtimes.pool import Runtimes

BIND = """
import errno, socket
FAMILIES = {"127.0.0.1": socket.AF_INET, "0.0.0.0": socket.AF_INET, "::1": socket.AF_INET6, "::": socket.AF_INET6}
PROTOCOLS = {"tcp": 0, "mptcp": 262, "smc": 256}
def main(address, port, protocol="tcp", share=False):
    try:
        with socket.socket(FAMILIES[address], socket.SOCK_STREAM, PROTOCOLS[protocol]) as server:
            if share:
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if FAMILIES[address] == socket.AF_INET6:
                server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((address, port))
            server.listen()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "listens"
"""

NARROW = """
import errno, socket, struct
FAMILIES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}
IP_LOCAL_PORT_RANGE = 51
def main(address, port):
    try:
        with socket.socket(FAMILIES[address], socket.SOCK_STREAM) as server:
            server.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, struct.pack("I", port | port << 16))
            server.bind((address, 0))
            server.listen()
            return server.getsockname()[1]
    except OSError as error:
        return errno.errorcode[error.errno]
"""

OWN_SERVER = """
import http.server, threading, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")
    def log_message(self, *args):
        pass
def main():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        answer = urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/").read().decode()
        server.shutdown()
        return answer
"""

BUN_SERVER = """
export async function main() {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("hello") })
  const text = await (await fetch(`http://127.0.0.1:${server.port}/`)).text()
  server.stop(true)
  return text
}
"""

needs_rules = pytest.mark.skipif(landlock.version() < 4, reason="Landlock has no rules for TCP here")


# As root, userns is tested as well: the job runs as the user of the server.
@pytest.fixture(params=extended_after_first(["full", "userns", "landlock"] if os.geteuid() == 0 else LEVELS))
def level(request: pytest.FixtureRequest) -> Level:
    value: Level = request.param
    return value


@pytest.fixture
def free_port() -> int:
    """Return a port on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_s08_a_job_cannot_share_a_port(runtimes: Runtimes, free_port: int) -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", free_port))
        server.listen()
        args = {"address": "127.0.0.1", "port": free_port, "share": True}
        assert (await run(runtimes, "python3", BIND, args)).value == "ENOPROTOOPT"


async def test_s08_a_job_cannot_listen_beside_landlock(runtimes: Runtimes, free_port: int) -> None:
    for protocol in ("mptcp", "smc"):
        args = {"address": "127.0.0.1", "port": free_port, "protocol": protocol}
        assert (await run(runtimes, "python3", BIND, args)).value == "EPROTONOSUPPORT"


@needs_rules
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1", "::"])
async def test_s08_a_job_cannot_take_a_port_by_number(runtimes: Runtimes, free_port: int, address: str) -> None:
    args = {"address": address, "port": free_port}
    assert (await run(runtimes, "python3", BIND, args)).value == errno.errorcode[errno.EACCES]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_s08_a_job_cannot_narrow_port_0_to_a_number(runtimes: Runtimes, free_port: int, address: str) -> None:
    args = {"address": address, "port": free_port}
    assert (await run(runtimes, "python3", NARROW, args)).value == "ENOPROTOOPT"


@pytest.mark.parametrize(("language", "content"), [("python3", OWN_SERVER), ("bun", BUN_SERVER)])
async def test_job_connects_to_its_own_free_port(runtimes: Runtimes, language: str, content: str) -> None:
    assert (await run(runtimes, language, content)).value == "hello"


@needs_rules
async def test_job_listens_on_configured_ports(level: Level, home: Path, free_port: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        other = int(probe.getsockname()[1])
    for ports, expected in (((free_port,), ["listens", "EACCES"]), (None, ["listens", "listens"])):
        runtimes = Runtimes(home, [], level, job_ports=ports)
        await runtimes.start()
        try:
            answers = [
                (await run(runtimes, "python3", BIND, {"address": "127.0.0.1", "port": port})).value
                for port in (free_port, other)
            ]
        finally:
            await runtimes.close()
        assert answers == expected
