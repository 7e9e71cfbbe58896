"""Jobs without network: their code reaches nothing outside of its cell, at every level that has namespaces."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.selection import extended_after_first
from tests.worker.jobs import Ran, run, run_spec, spec

from orvanta_platform.sandbox.plan import Level
from orvanta_platform.worker.runtimes.cells import SandboxUnavailable
from orvanta_platform.worker.runtimes.pool import Runtimes

REACH = """
import os, socket
def attempt(family, kind, address):
    with socket.socket(family, kind) as one:
        one.settimeout(10)
        try:
            one.connect(address)
        except OSError as error:
            return type(error).__name__
        return "connected"
def main(port, abstract):
    return {
        "tcp": attempt(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
        "outside": attempt(socket.AF_INET, socket.SOCK_DGRAM, ("192.0.2.1", 53)),
        "abstract": attempt(socket.AF_UNIX, socket.SOCK_STREAM, "\\0" + abstract),
        "interfaces": sorted(name for _, name in socket.if_nameindex()),
    }
"""

OWN_SERVER = """
import socket
def main():
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())
        return "connected"
"""

NOTHING = {
    "tcp": "ConnectionRefusedError",
    "outside": "OSError",
    "abstract": "ConnectionRefusedError",
    "interfaces": ["lo"],
}


@pytest.fixture(params=extended_after_first(["full", "userns"] if os.geteuid() == 0 else ["userns"]))
def level(request: pytest.FixtureRequest) -> Level:
    value: Level = request.param
    return value


class Outside:
    """Listening sockets outside of all cells."""

    def __init__(self) -> None:
        self._tcp, self._abstract = socket.socket(), socket.socket(socket.AF_UNIX)
        self._tcp.bind(("127.0.0.1", 0))
        self._abstract.bind(f"\0orvanta-{os.getpid()}-{threading.get_ident()}")
        for each in (self._tcp, self._abstract):
            each.listen()
        self.args = {"port": self._tcp.getsockname()[1], "abstract": self._abstract.getsockname()[1:].decode()}

    def close(self) -> None:
        self._tcp.close()
        self._abstract.close()


@pytest.fixture
def outside() -> Iterator[Outside]:
    made = Outside()
    yield made
    made.close()


async def test_job_reaches_nothing_and_jobs_after_it_have_the_network_again(
    runtimes: Runtimes, outside: Outside
) -> None:
    await runtimes.settle()
    assert (await run(runtimes, "python3", REACH, outside.args)).value["tcp"] == "connected"
    await runtimes.set_offline(True)
    for _ in range(3):  # in cells that waited, are renewed, and are new
        assert (await run(runtimes, "python3", REACH, outside.args)).value == NOTHING
    assert (await run(runtimes, "python3", OWN_SERVER)).value == "connected"
    await runtimes.set_offline(False)
    assert (await run(runtimes, "python3", REACH, outside.args)).value["tcp"] == "connected"


async def test_reused_process_does_not_retain_its_network(runtimes: Runtimes, outside: Outside) -> None:
    async def dedicated() -> Ran:
        return await run_spec(runtimes, replace(spec("python3", REACH, outside.args), dedicated=True))

    assert (await dedicated()).value["tcp"] == "connected"
    await runtimes.set_offline(True)
    assert (await dedicated()).value == NOTHING
    await runtimes.set_offline(False)
    assert (await dedicated()).value["tcp"] == "connected"


async def test_job_that_is_a_connection_fails(runtimes: Runtimes) -> None:
    await runtimes.set_offline(True)
    database = {"host": "127.0.0.1", "port": 1, "dbname": "x"}
    assert (await run(runtimes, "postgresql", "SELECT 1", {"database": database})).error[0] == "no_network"


@pytest.mark.parametrize("weak", ["landlock", "none"])
async def test_level_without_namespaces_runs_no_job_rather_than_one_with_network(weak: Level, home: Path) -> None:
    runtimes = Runtimes(home, [], weak)
    await runtimes.start()
    try:
        with pytest.raises(SandboxUnavailable, match=f"needs namespaces, which the level {weak} lacks"):
            await runtimes.set_offline(True)
        for _ in range(2):
            assert (await run(runtimes, "python3", "def main(): return 1")).error[0] == "SandboxUnavailable"
    finally:
        await runtimes.close()
