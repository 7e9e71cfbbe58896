"""Servers and workers as separate processes on one database."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from tests.installation import ORVANTA, PATIENCE_S
from tests.polling import POLL_S
from tests.ports import free_port
from tests.processes import with_parent

PASSWORD = "two-servers-and-a-balancer"


class Installation:
    """Processes of one installation: servers by port, and workers."""

    def __init__(self, home: Path, app_url: str, owner_url: str, settings: Mapping[str, str] | None = None) -> None:
        home.chmod(0o711)
        self.home = home
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "ORVANTA_HOME": str(home / "data"),
            "DATABASE_URL": app_url,
            "ORVANTA_OWNER_URL": owner_url,
            "ORVANTA_ADMIN_PASSWORD": PASSWORD,
            **(settings or {}),
        }
        self.token = ""
        self.servers: dict[int, subprocess.Popen[bytes]] = {}
        self.workers: list[subprocess.Popen[bytes]] = []
        self._log = (home / "log").open("ab")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Stop all processes at the end of the block."""
        try:
            yield
        finally:
            for process in (*self.workers, *self.servers.values()):
                process.terminate()
                process.send_signal(signal.SIGCONT)  # a test that failed may have left it stopped
            for process in (*self.workers, *self.servers.values()):
                process.wait()
            self._log.close()

    def create_admin(self, program: Path = ORVANTA) -> None:
        """Migrate the database, and create the first workspace and the administrator."""
        self.run("migrate", "--first-start", program=program)
        self.token = Path(self.environ["ORVANTA_HOME"], "token").read_text().strip()

    def run(self, *arguments: str, program: Path = ORVANTA, succeeds: bool = True) -> str:
        """Run a command of `orvanta` to its end, check whether it succeeds, and return its output."""
        command = [str(program), *arguments]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is succeeds, done.stdout + done.stderr
        return done.stdout + done.stderr

    def start_server(self, program: Path = ORVANTA, port: int | None = None) -> None:
        """Start a server, on a port of its own or in place of the one at `port`, which has ended."""
        port = port or free_port()
        self.servers[port] = self._start(program, "server", {"ORVANTA_PORT": str(port)})

    def start_worker(self, program: Path = ORVANTA) -> None:
        """Start a worker."""
        self.workers.append(self._start(program, "worker", {}))

    def replace_server(self, port: int, program: Path) -> None:
        """Stop the server at this port, start one by `program` in its place, and wait until it is ready."""
        _stop(self.servers[port])
        self.start_server(program, port)
        self.await_server(port)

    def replace_worker(self, worker: subprocess.Popen[bytes], program: Path) -> None:
        """Start a worker by `program`, wait until it claims jobs, and stop another one."""
        self.start_worker(program)
        self.await_workers(len(self.workers))
        _stop(worker)
        self.workers.remove(worker)

    def await_server(self, port: int) -> None:
        """Wait until the server at this port accepts calls."""
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            while True:
                assert self.servers[port].poll() is None, (self.home / "log").read_text()[-5000:]
                try:
                    if client.get("/api/health/ready").status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                time.sleep(POLL_S)

    def is_ready(self, port: int) -> bool:
        """Return whether the server at this port accepts calls."""
        try:
            return httpx.get(f"http://127.0.0.1:{port}/api/health/ready", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def await_workers(self, number: int) -> None:
        """Wait until that number of workers has been started and not reported as stopped or lost."""
        headers = {"Authorization": f"Bearer {self.token}"}
        found = 0
        while found < number:
            time.sleep(POLL_S)
            for port in self.servers:
                with suppress(httpx.HTTPError):
                    listed = httpx.get(f"http://127.0.0.1:{port}/api/workers/list", headers=headers, timeout=60)
                    found = len(listed.raise_for_status().json())

    def start_dead(self) -> None:
        """Start each server and worker again that has ended, as a service manager does."""
        for port, server in self.servers.items():
            if server.poll() is not None:
                self.start_server(port=port)
        for worker in [each for each in self.workers if each.poll() is not None]:
            self.workers.remove(worker)
            self.start_worker()

    def _start(self, program: Path, name: str, settings: dict[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(program), name],
            env={**self.environ, **settings},
            stdout=self._log,
            stderr=self._log,
            preexec_fn=with_parent(signal.SIGTERM),
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    assert process.wait(PATIENCE_S) == 0
