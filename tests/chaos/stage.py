"""System under test: a database, a server and two workers, as processes that can be killed and restarted."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from tests import processes
from tests.chaos.database import POLL_S, Database, kill_and_wait
from tests.chaos.gate import PATIENCE_S, Arrival, Gate
from tests.chaos.runs import path_of
from tests.ports import free_port

from orvanta_platform import settings as settings_module
from orvanta_platform.db import pool
from orvanta_platform.db.migrate import migrate
from orvanta_platform.services.access.setup import first_start
from orvanta_platform.settings import Settings

POINTS = Path(__file__).with_name("points")
A_TENTH = {
    "ORVANTA_BEAT_MS": "200",
    "ORVANTA_LOST_BEAT_MS": "600",
    "ORVANTA_LEASE_MS": "800",
    "ORVANTA_WATCH_MS": "100",
    "CHAOS_LEADER_LEASE_S": "1",
}
"""Heartbeat and lease at a tenth of the real times, the leader's lease at a fifth."""

ALIVE = "SELECT id FROM worker WHERE state = 'live' AND name LIKE '%-' || $1::text"
ONE_ALIVE = "SELECT count(*) = 1 FROM worker WHERE state = 'live' AND name LIKE '%-' || $1::text"
SETTLED = (
    "SELECT NOT EXISTS (SELECT FROM run_live) AND NOT EXISTS (SELECT FROM worker WHERE state = 'lost' OR "
    "(state = 'live' AND NOT split_part(name, '-', -1) = ANY($1::text[])))"
)


class Part:
    """One of the product's processes: `orvanta server`, or `orvanta worker` with the process that it supervises."""

    def __init__(self, command: str, environ: dict[str, str], log: Path) -> None:
        self.command = command
        self._environ = environ
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Pid of the process that was started last."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """True while the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def child(self) -> int | None:
        """Pid of the process that a worker supervises."""
        return next(iter(processes.children(self.pid)), None)

    def start(self) -> None:
        """Start the process."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "orvanta_platform.cli.main", self.command],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Send SIGKILL to the process and to the one that it supervises."""
        child = self.child
        kill_and_wait(self.pid)
        if child is not None:
            kill_and_wait(child)
        if self._process is not None:
            self._process.wait()

    def kill_child(self) -> None:
        """Send SIGKILL to the supervised process only."""
        child = self.child
        assert child is not None
        kill_and_wait(child)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the process and the one that it supervises while the block runs (SIGSTOP)."""
        pids = [pid for pid in (self.pid, self.child) if pid is not None]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def owns(self, arrival: Arrival) -> bool:
        """Return True if this part, or the process it supervises, waits at the gate."""
        return self.pid in (arrival.pid, arrival.parent)

    def output(self) -> str:
        """Return the end of its output."""
        return self._log.read_text(errors="replace")[-4000:] if self._log.exists() else ""


class Stage:
    """The whole system, in the folder `home`. Call `open` once, and `make_ready` before each cell."""

    def __init__(self, home: Path, slots: int, times: dict[str, str]) -> None:
        self.home = home
        self.gate = Gate(home / "gate")
        self.database = Database(home)
        self.port = free_port()
        environ = self._environ(slots, times)
        self._doctor = environ
        self.server = Part("server", environ, home / "server.log")
        self.workers = [Part("worker", environ, home / f"worker{number}.log") for number in (1, 2)]
        self.settings: Settings = settings_module.load(environ)
        self._token = ""

    @property
    def parts(self) -> list[Part]:
        """Server and workers."""
        return [self.server, *self.workers]

    def _environ(self, slots: int, times: dict[str, str]) -> dict[str, str]:
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        made = {
            "PYTHONPATH": str(POINTS),
            "CHAOS_GATE": str(self.gate.folder),
            "DATABASE_URL": self.database.url,
            "ORVANTA_HOME": str(self.home),
            "ORVANTA_PORT": str(self.port),
            "ORVANTA_SLOTS": str(slots),
        }
        return {**environment, **made, **times}

    async def open(self, flows: dict[str, dict[str, Any]]) -> None:
        """Migrate the database, start all parts, deploy these workflows by path."""
        await self.gate.open()
        await migrate(self.database.server.owner_url, app_url=self.database.url)
        database = await pool.Database.connect(self.database.url)
        first = await first_start(database, self.settings)
        await database.close()
        self._token = first.token_file.read_text().strip()
        await self.make_ready()
        async with self.client() as client:
            for path, flow in flows.items():
                body = {"path": path, "summary": "", "value": flow}
                answer = await client.post("/api/w/main/flows/create", json=body)
                assert answer.status_code == 201, answer.text

    def doctor(self) -> subprocess.CompletedProcess[str]:
        """Run `orvanta doctor --consistency`."""
        command = [sys.executable, "-P", "-m", "orvanta_platform.cli.main", "doctor", "--consistency"]
        return subprocess.run(command, env=self._doctor, capture_output=True, text=True, check=False)

    async def close(self) -> None:
        """Kill all parts and close the database."""
        await self.gate.close()
        for part in self.parts:
            if part.running:
                part.kill()
        await self.database.close()

    def client(self) -> httpx.AsyncClient:
        """Return a client of the server with the administrator's token."""
        headers = {"Authorization": f"Bearer {self._token}"}
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=PATIENCE_S)

    async def accept(self, client: httpx.AsyncClient, n: int, loud: int, path: str | None = None) -> UUID:
        """Start a run of the workflow at `path`, or of that for `n`; a run whose id was returned must not be lost.

        Tries again while the server cannot reach the database: such an answer promises nothing.
        """
        url, body = f"/api/w/main/jobs/run/f/{path or path_of(n)}", {"n": n, "loud": loud}
        async with asyncio.timeout(PATIENCE_S):
            while (answer := await client.post(url, json=body)).status_code == 503:
                await asyncio.sleep(POLL_S)
        assert answer.status_code == 201, answer.text
        return UUID(answer.text)

    async def make_ready(self) -> None:
        """Start the parts that do not run; wait until all are healthy, lost workers are reaped and no run is live."""
        self.start_dead()
        await self.until_healthy()
        for worker in self.workers:
            await self.database.until(ONE_ALIVE, str(worker.pid))
        await self.database.until(SETTLED, [str(worker.pid) for worker in self.workers])

    async def until_healthy(self) -> None:
        """Wait until the server is healthy."""
        async with asyncio.timeout(PATIENCE_S):
            while not await self._healthy():
                await asyncio.sleep(POLL_S)

    def start_dead(self) -> None:
        """Restart the parts that were killed."""
        for part in self.parts:
            if not part.running:
                part.start()

    async def _healthy(self) -> bool:
        if not self.server.running:
            raise AssertionError(self.server.output())
        async with self.client() as client:
            try:
                return (await client.get("/api/health/status")).status_code == 200
            except httpx.TransportError:
                return False

    async def worker_of(self, part: Part) -> UUID:
        """Return the id under which a worker holds jobs now; its next process gets another one."""
        found: UUID = await self.database.value(ALIVE, str(part.pid))
        return found

    def part_of(self, arrival: Arrival) -> Part:
        """Return the part that waits at the gate."""
        return next(part for part in self.parts if part.owns(arrival))
