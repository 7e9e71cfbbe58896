"""Restate: its server with default settings and the journal on the local disk, and a Python service."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from bench.bars import Options
from bench.client import Call, Client
from bench.comparison import Side
from bench.machine import free_port
from bench.peers import install
from bench.peers.install import PeerMissing
from bench.processes import PATIENCE_S, CpuGroup, CpuMeter, NotReady, Program
from bench.workflows import FIB_10

_SERVICE = Path(__file__).parent / "programs" / "restate_service.py"
_PACKAGE = "@restatedev/restate-server"
_INGRESS, _ADMIN, _FABRIC = "RESTATE_INGRESS__BIND_ADDRESS", "RESTATE_ADMIN__BIND_ADDRESS", "RESTATE_BIND_ADDRESS"


@contextmanager
def side(options: Options, steps: int) -> Iterator[Side]:
    """Start Restate, ready to run a chain of this number of steps. Raises PeerMissing."""
    python, versions = install.python(options, "restate", ["restate-sdk", "hypercorn"])
    modules, version = install.npm(options, _PACKAGE)
    server = _server(modules)
    ports = {name: free_port() for name in (_INGRESS, _ADMIN, _FABRIC)}
    group = CpuGroup()
    with ExitStack() as stack:
        stack.callback(group.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-restate-")))
        env = {
            **install.environment(),
            **{name: f"127.0.0.1:{port}" for name, port in ports.items()},
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_BASE_DIR": str(folder),
            "DO_NOT_TRACK": "1",
        }
        try:
            own_port = free_port()
            service = Program([python, _SERVICE, str(own_port)], env=install.environment(), group=group)
            stack.callback(service.stop, signal.SIGKILL)
            service.await_line("ready")
            program = Program([server, "--no-logo"], env=env, cwd=folder, group=group)
            stack.callback(program.stop, signal.SIGKILL)
            _register(program, ports[_ADMIN], own_port)
        except NotReady as error:
            raise PeerMissing(f"it did not start: {error}") from None
        meter = CpuMeter(
            [program.pid, service.pid], lambda text: "service" if _SERVICE.name in text else "server", group
        )
        call = Call("/chain/run", steps, FIB_10 * steps)
        about = {"versions": {_PACKAGE: version, **versions}, "settings": "as it comes, one node, local journal"}
        yield Side("Restate", f"http://127.0.0.1:{ports[_INGRESS]}", call, meter, about)


def _role_of(command: str) -> str:
    return "service" if _SERVICE.name in command else "server"


def _server(modules: Path) -> Path:
    found = sorted((modules / "@restatedev").glob("restate-server-*/bin/restate-server"))
    if not found:
        raise PeerMissing("its package has no server for this machine")
    return found[0]


def _register(program: Program, admin: int, service: int) -> None:
    """Register the service at the server, once it is healthy."""
    client = _answering(program, admin)
    status, answer = client.post("/deployments", {"uri": f"http://127.0.0.1:{service}"}, {})
    client.close()
    if status not in (200, 201):
        raise PeerMissing(f"its service was refused: {answer.decode(errors='replace')[:300]}")


def _answering(program: Program, port: int) -> Client:
    """Return a client of the server's admin API, once it is healthy. Raises NotReady."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and program.process.poll() is None:
        with suppress(OSError):
            client = Client(f"http://127.0.0.1:{port}")
            if client.get("/health", {})[0] == 200:
                return client
            client.close()
        time.sleep(0.05)
    raise NotReady("".join(program.lines[-20:]))
