"""Two servers behind HAProxy, with two workers: calls, sessions and streams go to either, and one is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.installation import ORVANTA, PATIENCE_S, free_port
from tests.polling import POLL_S
from tests.processes import with_parent
from tests.topologies import haproxy, load
from tests.topologies.load import W

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(haproxy.PROGRAM is None, reason="haproxy is not installed"),
]

PASSWORD = "two-servers-and-a-balancer"
SLEEP = {"modules": [{"id": "wait", "value": {"type": "delay", "seconds": 3600}}]}


class Installation:
    """Processes of one installation on a database: servers at the ports of `servers`, and workers."""

    def __init__(self, home: Path, database: TestDatabase) -> None:
        self.home = home
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "ORVANTA_HOME": str(home / "data"),
            "DATABASE_URL": database.app_url,
            "ORVANTA_OWNER_URL": database.owner_url,
            "ORVANTA_ADMIN_PASSWORD": PASSWORD,
        }
        self.token = ""
        self.servers: dict[int, subprocess.Popen[bytes]] = {}

    def create_admin(self) -> None:
        """Create the first workspace and the administrator."""
        self.run("migrate", "--first-start")
        self.token = Path(self._environ["ORVANTA_HOME"], "token").read_text().strip()

    def run(self, *arguments: str) -> None:
        """Run a command of `orvanta` to its end."""
        command = [str(ORVANTA), *arguments]
        done = subprocess.run(command, env=self._environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def started(self, *arguments: str, port: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """Run `orvanta` with these arguments until the end of the block."""
        environ = {**self._environ, **({"ORVANTA_PORT": str(port)} if port else {})}
        with (self.home / "log").open("ab") as log:
            process: subprocess.Popen[bytes] = subprocess.Popen(
                [str(ORVANTA), *arguments], env=environ, stdout=log, stderr=log, preexec_fn=with_parent(signal.SIGTERM)
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


@pytest.fixture
def installation(tmp_path: Path, database: TestDatabase) -> Iterator[Installation]:
    """Start two servers and two workers."""
    tmp_path.chmod(0o711)
    made = Installation(tmp_path, database)
    made.create_admin()
    with ExitStack() as stack:
        for port in (free_port(), free_port()):
            made.servers[port] = stack.enter_context(made.started("server", port=port))
        for _ in range(2):
            stack.enter_context(made.started("worker"))
        yield made


async def until_completed(client: httpx.AsyncClient, run: str) -> None:
    """Read the stream of a run until it says that the run has completed; open it again when its connection ends."""
    while True:
        try:
            async with client.stream("GET", f"{W}/jobs_u/getupdate_sse/{run}") as answer:
                async for line in answer.aiter_lines():
                    if '"completed":true' in line:
                        return
        except httpx.TransportError:
            await asyncio.sleep(POLL_S)


async def save_draft(client: httpx.AsyncClient, text: str, revision: int | None) -> int:
    """Save a draft that is at `revision`, read it back, and return its new revision."""
    body = {"value": {"text": text}} if revision is None else {"value": {"text": text}, "seq": revision}
    saved = await client.put(f"{W}/drafts/flow/f/topologies/draft", json=body)
    assert saved.status_code == 200, saved.text
    found = (await client.get(f"{W}/drafts/flow/f/topologies/draft")).json()
    assert found["value"] == {"text": text}
    seq: int = found["seq"]
    return seq


async def log_in(client: httpx.AsyncClient) -> dict[str, str]:
    """Log in with the password, and return the headers of the session."""
    account = {"email": "admin@localhost", "password": PASSWORD}
    answer = await client.post("/api/auth/login", json=account)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.text}"}


async def is_logged_in(client: httpx.AsyncClient, session: dict[str, str]) -> bool:
    """Return whether both servers accept the session: consecutive calls go to different ones."""
    answers = [await client.get("/api/users/whoami", headers=session) for _ in range(2)]
    return all(answer.status_code == 200 for answer in answers)


@pytest.mark.parametrize("runs", [200, pytest.param(2000, marks=pytest.mark.soak)])
async def test_one_of_two_servers_is_killed(installation: Installation, database: TestDatabase, runs: int) -> None:
    with haproxy.running([*installation.servers]) as url:
        headers = {"Authorization": f"Bearer {installation.token}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE_S) as client:
            await load.deploy(client)
            session = await log_in(client)
            assert await is_logged_in(client, session)
            revision = None
            for text in ("one", "two", "three"):
                revision = await save_draft(client, text, revision)
            sleeping = (await client.post(f"{W}/jobs/run/preview_flow", json={"value": SLEEP, "args": {}})).text
            streams = [asyncio.create_task(until_completed(client, sleeping)) for _ in range(2)]

            calls = load.Calls(runs)
            callers = [asyncio.create_task(calls.start_runs(client)) for _ in range(load.CALLERS)]
            await calls.until_accepted(runs // 3)
            next(iter(installation.servers.values())).kill()
            await asyncio.gather(*callers)
            await calls.check(client, database.owner_url)

            assert await is_logged_in(client, session)
            await save_draft(client, "four", revision)
            assert not any(stream.done() for stream in streams)
            (await client.post(f"{W}/jobs_u/queue/cancel/{sleeping}", json={"reason": "test"})).raise_for_status()
            await asyncio.gather(*streams)
    installation.run("doctor", "--consistency")
