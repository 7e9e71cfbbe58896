"""Overlapping leaders: a frozen server leads, another one takes over, and the first one continues where it was.

Items are deployed meanwhile. The duties of the leader must not be done twice: links of the audit trail, commits to a
Git repository, and retention.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import httpx
import pytest
from dulwich.repo import Repo
from tests import processes
from tests.conftest import TestDatabase
from tests.git_repositories import TOKEN, GitServer, git_server, log_of
from tests.installation import ORVANTA, PATIENCE_S
from tests.polling import POLL_S
from tests.topologies import earlier
from tests.topologies.load import W
from tests.topologies.separate import Installation

pytestmark = pytest.mark.soak

COMMIT = earlier.find_commit()
SETTINGS = {"ORVANTA_ALLOWED_NETWORKS": "127.0.0.0/8", "ORVANTA_AUDIT_RETENTION_DAYS": "30"}
OLD = """
INSERT INTO audit (at, actor, operation, action_kind)
SELECT now() - interval '60 days', 'somebody', 'users.login', 'Execute' FROM generate_series(1, 2000)
"""
OLD_ROWS = "SELECT count(*) FROM audit WHERE at < now() - interval '30 days'"
UNLINKED = "SELECT count(*) FROM audit a WHERE NOT EXISTS (SELECT FROM audit_link l WHERE l.audit = a.id)"
TERM = "SELECT term FROM leader WHERE name = 'duties'"
ACTIVE = """SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND usename = 'orvanta_app' AND state = 'active'"""
IN_TRANSACTION = ACTIVE.replace("'active'", "'idle in transaction'")
TURNS = 2
CODE = "def main():\n    return {number}\n"


class Servers:
    """Two servers, of which the leading one is frozen."""

    def __init__(self, installation: Installation, database: asyncpg.Connection[asyncpg.Record]) -> None:
        self.ports = list(installation.servers)
        self.installation = installation
        self.database = database
        self.reachable = self.ports[-1]
        """Port of a server that is not frozen, and not about to be."""

    async def freeze(self, port: int, repositories: GitServer | None = None) -> list[int]:
        """Stop the server at this port with its child processes, and wait until another one leads.

        With `repositories`, it is stopped before it receives the answer to its next push. Returns what was stopped.
        """
        term = await self.database.fetchval(TERM)
        stopped: list[int] = []
        done = threading.Event()

        def stop() -> None:
            if not done.is_set():
                server = self.installation.servers[port].pid
                stopped.extend([server, *processes.descendants(server)])
                for pid in stopped:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGSTOP)
                done.set()

        if repositories is None:
            stop()
        else:
            repositories.after_push = stop
            await asyncio.to_thread(done.wait, PATIENCE_S)
        async with asyncio.timeout(PATIENCE_S):
            while await self.database.fetchval(TERM) == term:
                await asyncio.sleep(POLL_S)
        return stopped

    @staticmethod
    def thaw(frozen: list[int]) -> None:
        """Let stopped processes continue."""
        for pid in frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


class Deployments:
    """Versions of one script, deployed one after the other, each with a message of its own."""

    def __init__(self, servers: Servers, token: str) -> None:
        self.messages: list[str] = []
        self.stopping = False
        self._servers = servers
        self._headers = {"Authorization": f"Bearer {token}"}
        self._parent: str | None = None

    async def run(self) -> None:
        """Deploy versions until `stopping` is set."""
        async with httpx.AsyncClient(headers=self._headers, timeout=PATIENCE_S) as client:
            while not self.stopping:
                await self._deploy(client, len(self.messages))

    async def _deploy(self, client: httpx.AsyncClient, number: int) -> None:
        message = f"Version {number}"
        body = {
            "path": "f/topologies/number",
            "summary": "",
            "language": "python3",
            "content": CODE.format(number=number),
            "deployment_message": message,
            **({"parent_hash": self._parent} if self._parent else {}),
        }
        answer = await client.post(f"http://127.0.0.1:{self._servers.reachable}{W}/scripts/create", json=body)
        assert answer.status_code == 201, answer.text
        self._parent = answer.text
        self.messages.append(message)

    async def until_more(self, number: int, running: asyncio.Task[None]) -> None:
        """Wait until `number` more versions are deployed. Raises the error of a deployment that failed."""
        wanted = len(self.messages) + number
        while len(self.messages) < wanted:
            if running.done():
                running.result()
            await asyncio.sleep(POLL_S)


@pytest.fixture
def repositories(tmp_path: Path) -> Iterator[GitServer]:
    (tmp_path / "repositories").mkdir()
    with git_server(tmp_path / "repositories") as served:
        yield served


@pytest.fixture
async def owner(database: TestDatabase) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(database.owner_url)
    yield connection
    await connection.close()


@pytest.fixture(
    params=[
        "same version",
        pytest.param(
            "earlier version",
            marks=pytest.mark.skipif(COMMIT is None, reason="the history is missing"),
        ),
    ]
)
def first_program(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Yield the program of the server that leads first."""
    if request.param == "same version":
        yield ORVANTA
    else:
        assert COMMIT is not None
        with earlier.program(COMMIT) as program:
            yield program


async def test_duties_of_overlapping_leaders_are_done_once(
    tmp_path: Path,
    database: TestDatabase,
    owner: asyncpg.Connection[asyncpg.Record],
    repositories: GitServer,
    first_program: Path,
) -> None:
    installation = Installation(tmp_path, database.app_url, database.owner_url, SETTINGS)
    with installation.running():
        installation.run("migrate")
        await owner.execute(OLD)
        installation.create_admin()
        await start(installation, owner, first_program)
        servers = Servers(installation, owner)
        repository = repositories.create()
        async with client_of(installation, servers.reachable) as client:
            binding = {"url": f"{repositories.url}/{Path(repository.path).name}", "token": TOKEN}
            (await client.post(f"{W}/git/bind", json=binding)).raise_for_status()
        deployments = Deployments(servers, installation.token)
        running = asyncio.create_task(deployments.run())
        for turn in range(TURNS):
            leading = servers.ports[turn % 2]
            servers.reachable = servers.ports[1 - turn % 2]
            await deployments.until_more(3, running)
            frozen = await servers.freeze(leading, repositories if turn < TURNS - 1 else None)
            await deployments.until_more(3, running)
            servers.thaw(frozen)
        await deployments.until_more(3, running)
        deployments.stopping = True
        await running
        await until_pushed(repository, deployments.messages)
        await until(owner, UNLINKED, 0)
        # A leader on a busy machine may resign between the turns.
        assert await owner.fetchval(TERM) > TURNS
        assert await owner.fetchval(OLD_ROWS) == 0
        async with client_of(installation, servers.reachable) as client:
            for path in (f"{W}/audit/verify", "/api/audit/verify"):
                found = (await client.get(path)).raise_for_status().json()
                assert not found.keys() & {"broken", "inserted"} and found["unlinked"] == 0, found
        installation.run("doctor", "--consistency")


@pytest.mark.soak  # it waits for the 30 s after which the database ends the transaction of a server
async def test_frozen_server_does_not_hold_its_locks(
    tmp_path: Path, database: TestDatabase, owner: asyncpg.Connection[asyncpg.Record]
) -> None:
    """The database ends a transaction that waits for a server which has stopped in the middle of it."""
    installation = Installation(tmp_path, database.app_url, database.owner_url)
    with installation.running():
        installation.create_admin()
        installation.start_server()
        port = next(iter(installation.servers))
        await asyncio.to_thread(installation.await_server, port)
        servers = Servers(installation, owner)
        deployments = Deployments(servers, installation.token)
        running = asyncio.create_task(deployments.run())
        await deployments.until_more(3, running)
        server = installation.servers[port]
        while True:
            server.send_signal(signal.SIGSTOP)
            await until(owner, ACTIVE, 0)
            if open_transactions := await owner.fetchval(IN_TRANSACTION):
                break
            server.send_signal(signal.SIGCONT)
            await deployments.until_more(1, running)
        assert open_transactions > 0
        await until(owner, IN_TRANSACTION, 0)
        server.send_signal(signal.SIGCONT)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def start(installation: Installation, owner: asyncpg.Connection[asyncpg.Record], first: Path) -> None:
    """Start a server by `first`, which leads, and another one of this version."""
    installation.start_server(first)
    await asyncio.to_thread(installation.await_server, next(iter(installation.servers)))
    await until(owner, TERM, 1)
    installation.start_server()
    await asyncio.to_thread(installation.await_server, list(installation.servers)[1])


async def until(connection: asyncpg.Connection[asyncpg.Record], query: str, value: int) -> None:
    """Wait until the query returns this value."""
    async with asyncio.timeout(PATIENCE_S):
        while await connection.fetchval(query) != value:
            await asyncio.sleep(POLL_S)


async def until_pushed(repository: Repo, messages: list[str]) -> None:
    """Wait until the branch has a commit for the last deployment; check that each deployment has one."""
    async with asyncio.timeout(PATIENCE_S):
        while messages[-1] not in (found := [each.message.decode().strip() for each in log_of(repository)]):
            await asyncio.sleep(POLL_S)
    numbers = Counter(found)
    assert [numbers[message] for message in messages] == [1] * len(messages), numbers
    assert len(found) == len(messages) + 1, "one more exports the workspace"


def client_of(installation: Installation, port: int) -> httpx.AsyncClient:
    """Return a client of the server at this port with the token of the administrator."""
    headers = {"Authorization": f"Bearer {installation.token}"}
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=PATIENCE_S)
