"""An installation under load: one server, two workers and the embedded database, started by the usual commands."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from tests.installation import ORVANTA, PATIENCE_S, Running, running
from tests.soak.definitions import DEFINITIONS, Definition, webhook

from bench.installation import role_of
from bench.processes import Program, command_line, descendants, rss_kib
from orvanta_platform.db.pool import CANNOT_CONNECT
from orvanta_platform.embedded import cluster, keeper

W = "/api/w/main"
POLL_S = 0.2


@dataclass(slots=True)
class House:
    """A running installation and the definitions deployed in it. `helpers`: additional workers."""

    running: Running
    helpers: list[Program] = field(default_factory=list)
    definitions: dict[str, Definition] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """Data directory of the database."""
        return cluster.existing(self.home).data

    @property
    def home(self) -> Path:
        """Path of ORVANTA_HOME."""
        return Path(self.running.environ["ORVANTA_HOME"])

    def url(self) -> str:
        """Return the URL of the database for the owner of the tables."""
        return cluster.existing(self.home).url("owner")

    def client(self, timeout_s: float = PATIENCE_S, **more: Any) -> httpx.AsyncClient:
        """Return a client with the administrator's token."""
        headers = {"Authorization": f"Bearer {self.running.token}", "X-Workspace": "main"}
        return httpx.AsyncClient(base_url=self.running.base, headers=headers, timeout=timeout_s, **more)

    async def ask(self, query: str, *values: Any) -> list[Any]:
        """Return the rows of a query, retried until the database answers."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(*CANNOT_CONNECT):
                    connection = await asyncpg.connect(self.url())
                    try:
                        return list(await connection.fetch(query, *values))
                    finally:
                        connection.terminate()
                await asyncio.sleep(POLL_S)

    async def value(self, query: str, *values: Any) -> Any:
        """Return the first column of the first row."""
        return (await self.ask(query, *values))[0][0]

    async def deploy(self, *more: Definition) -> None:
        """Deploy all definitions, or `more`, one after the other."""
        async with self.client() as client:
            for each in more or (*DEFINITIONS, webhook(f"{self.running.base}/api/health/status")):
                self.definitions[each.path] = each
                if each.flow is not None:
                    body: dict[str, Any] = {"value": each.flow}
                    answer = await client.post(f"{W}/flows/create", json={"path": each.path, "summary": "", **body})
                else:
                    body = {"content": each.script, "language": each.language, "description": "", **each.settings}
                    answer = await client.post(f"{W}/scripts/create", json={"path": each.path, "summary": "", **body})
                assert answer.status_code == 201, (each.path, answer.text)

    async def schedule(self, path: str, cron: str, *, of: str) -> None:
        """Schedule runs of a definition at these times, with n = 1."""
        what = self.definitions[of]
        body = {"path": path, "schedule": cron, "timezone": "UTC", "script_path": of, "is_flow": what.flow is not None}
        async with self.client() as client:
            answer = await client.post(
                f"{W}/schedules/create", json={**body, "args": {"n": 1}, "enabled": True, "missed": "all"}
            )
        assert answer.status_code == 201, answer.text

    def restart_database(self, how: signal.Signals) -> None:
        """Shut PostgreSQL down (SIGINT: fast, SIGQUIT: immediately); its keeper restarts it."""
        pid = keeper.running_server(self.data)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, how)

    def start_dead(self) -> None:
        """Restart additional workers that were killed; no process supervises their supervisors."""
        for place, each in enumerate(self.helpers):
            if each.process.poll() is not None:
                each.stop()
                self.helpers[place] = Program([ORVANTA, "worker"], env=self.running.environ)

    def memory(self) -> dict[str, int]:
        """Return memory in bytes: `rss` of the server (which is the leader), each worker, supervisors, jobs' processes.

        PostgreSQL's processes come and go and share most of their memory: `own` is the mean of their private memory.
        `processes` is the number of all processes.
        """
        found: Counter[str] = Counter()
        own: list[int] = []
        for pid in sorted(self.pids()):
            with suppress(OSError):
                name = role_of(command_line(pid))
                if name == "postgres":
                    own.append(own_bytes(pid))
                else:
                    workers = sum(each.startswith("rss worker") for each in found)
                    found[f"rss worker {workers + 1}" if name == "worker" else f"rss {name}"] += rss_kib(pid) << 10
                found["processes"] += 1
        return {**found, "own postgres": sum(own) // max(len(own), 1)}

    def pids(self) -> list[int]:
        """Return its processes, including those of jobs."""
        tops = [self.running.pid, *(each.pid for each in self.helpers)]
        return [pid for top in tops for pid in (top, *descendants(top))]

    def doctor(self) -> str:
        """Return the inconsistencies of the data; call it while nothing writes."""
        done = subprocess.run(
            [str(ORVANTA), "doctor", "--consistency"],
            env=self.running.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def kept(self) -> str:
        """Return the last lines that the additional workers printed."""
        return json.dumps([each.lines[-20:] for each in self.helpers])


def own_bytes(pid: int) -> int:
    """Return the resident memory of a process that it shares with no file and no other process."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("RssAnon:")[2].split()[0]) << 10


@asynccontextmanager
async def house(name: str, workers: int = 2, settings: Mapping[str, str] | None = None) -> AsyncIterator[House]:
    """Run an installation with everything deployed; it is stopped in the usual way."""
    chosen = {"ORVANTA_ALLOWED_NETWORKS": "127.0.0.0/8", "ORVANTA_LOG_LEVEL": "warning", **(settings or {})}
    with running(name, chosen) as made:
        home = House(made)
        try:
            for _ in range(workers - 1):
                home.helpers.append(Program([ORVANTA, "worker"], env=made.environ))
            await home.deploy()
            yield home
        finally:
            for each in home.helpers:
                each.stop()


def every(definitions: Sequence[Definition]) -> list[Definition]:
    """Return each definition as often as its share, interleaved so that neighbours differ."""
    left = {each: each.share for each in definitions}
    found = []
    while left:
        for each in list(left):
            found.append(each)
            left[each] -= 1
            if not left[each]:
                del left[each]
    return found
