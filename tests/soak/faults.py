"""Faults of an installation, each injected while a block runs."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
from tests import processes
from tests.soak.house import House

from orvanta_platform.db.pool import CANNOT_CONNECT
from orvanta_platform.embedded import keeper

BALLAST = "ballast"
_POLL_S = 0.1
_ONE = "SELECT id FROM run_live ORDER BY id DESC LIMIT 1 FOR NO KEY UPDATE"


PROGRESS = 50
"""Number of runs that start or end between two restarts of the database."""


async def restarts(
    house: House,
    seconds: float,
    begun: asyncio.Event,
    progress: Callable[[], int],
    shortest_s: float = 5,
    longest_s: float = 20,
) -> int:
    """Restart the database repeatedly, by fast and immediate shutdowns in turn; return the number of restarts.

    It ends when `seconds` have passed and `begun` is set, and each restart awaits PROGRESS since the one before, as
    counted by `progress`: on a busy machine, restarts at a fixed rate would prevent what they wait for.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    count = 0
    while loop.time() < deadline or not begun.is_set():
        house.restart_database(signal.SIGQUIT if count % 2 else signal.SIGINT)
        count += 1
        before = progress()
        await asyncio.sleep(random.uniform(shortest_s, longest_s))
        while progress() < before + PROGRESS and not (begun.is_set() and loop.time() >= deadline):
            await asyncio.sleep(_POLL_S)
    return count


ROLES = {"server": 1, "supervisor": 1, "worker": 2, "zygote": 4, "cell": 8, "evaluator": 2, "database": 1}
"""Processes of an installation by role, with the relative frequency of their kills.

A cell is the first process of a sandbox. The processes of scripts are not included: killing one is an ordinary
failure of the script.
"""


async def kills(house: House, seconds: float, shortest_s: float = 1.0, longest_s: float = 6.0) -> Counter[str]:
    """Send SIGKILL to one random process after the other; return the number of kills by role."""
    deadline = asyncio.get_running_loop().time() + seconds
    killed: Counter[str] = Counter()
    while asyncio.get_running_loop().time() < deadline:
        by_role = victims(house)
        role = random.choices(list(by_role), [ROLES[each] for each in by_role])[0]
        with suppress(ProcessLookupError):
            os.kill(random.choice(by_role[role]), signal.SIGKILL)
            killed[role] += 1
        await asyncio.sleep(random.uniform(shortest_s, longest_s))
        house.start_dead()
    return killed


def victims(house: House) -> dict[str, list[int]]:
    """Return the live processes that may be killed, by role, without the top supervisor."""
    roles = roles_of(house.pids())
    server = keeper.running_server(house.data)
    if server is not None:
        roles[server] = "database"
    roles.pop(house.running.pid, None)
    return {role: [pid for pid, each in roles.items() if each == role] for role in set(roles.values())}


def roles_of(pids: Iterable[int]) -> dict[int, str]:
    """Return the role of each process that has one. `pids` contains the parents of all but the first processes."""
    commands = {pid: command for pid in pids if (command := " ".join(processes.arguments(pid)))}
    roles: dict[int, str] = {}
    for pid in sorted(commands, key=lambda each: len(_ancestors(each, commands))):
        above = roles.get(processes.parent(pid), "")
        if role := _role(commands[pid], above):
            roles[pid] = role
    return roles


def _role(command: str, above: str) -> str:
    """Return a role. `above`: role of the parent. A cell and its programs have the same command line as its zygote."""
    if "sandbox import zygote" in command:
        return {"worker": "zygote", "zygote": "cell"}.get(above, "")
    for words, role in (
        ("evaluate.child", "evaluator"),
        (" worker-process", "worker"),
        (" worker", "supervisor"),
        (" server", "server"),
    ):
        if words in command:
            return role
    return ""


def _ancestors(pid: int, known: Mapping[int, str]) -> list[int]:
    found = []
    while (pid := processes.parent(pid)) in known:
        found.append(pid)
    return found


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Mount a file system of this size at `folder` while the block runs. Raises PermissionError if not permitted."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        raise PermissionError(done.stderr.decode())
    folder.chmod(0o711)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Fill the file system of `folder` completely while the block runs."""
    ballast = folder / BALLAST
    try:
        fill(ballast)
        yield
    finally:
        ballast.unlink(missing_ok=True)


def fill(ballast: Path) -> None:
    """Use all free space."""
    with ballast.open("ab") as file, suppress(OSError):
        while True:
            os.write(file.fileno(), bytes(1 << 16))


@asynccontextmanager
async def idle_connections(house: House, wanted: int) -> AsyncIterator[int]:
    """Open up to `wanted` idle connections, as many as the server accepts; yield their number."""
    held: list[Any] = []
    try:
        with suppress(*CANNOT_CONNECT):
            while len(held) < wanted:
                held.append(await asyncpg.connect(house.url()))
        yield len(held)
    finally:
        for each in held:
            each.terminate()


@asynccontextmanager
async def idle_transaction(house: House) -> AsyncIterator[None]:
    """Hold an idle transaction with a snapshot and a lock on the row of the newest run while the block runs."""
    connection = await asyncpg.connect(house.url())
    try:
        held = False
        while not held:
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            try:
                held = bool(await connection.fetch(_ONE))
            except asyncpg.SerializationError:  # concurrent update of the row
                held = False
            if not held:
                await connection.execute("ROLLBACK")
        yield
    finally:
        connection.terminate()


class Line:
    """TCP proxy to a server, which can be cut off and slowed down."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self._target = host, port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._rate: int | None = None

    @classmethod
    @asynccontextmanager
    async def to(cls, host: str, port: int) -> AsyncIterator[Line]:
        """Run a proxy on a port of its own while the block runs."""
        line = cls(host, port)
        await line._listen()
        try:
            yield line
        finally:
            await line._stop()

    @asynccontextmanager
    async def cut(self) -> AsyncIterator[None]:
        """Refuse connections, and close those that exist."""
        await self._stop()
        try:
            yield
        finally:
            await self._listen()

    @asynccontextmanager
    async def slow(self, bytes_per_s: int) -> AsyncIterator[None]:
        """Limit each connection to this number of bytes per second in each direction."""
        self._rate = bytes_per_s
        try:
            yield
        finally:
            self._rate = None

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for each in list(self._open):
            each.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        if self._server is None or not self._server.is_serving():
            # It was accepted before the cut, which does not know it yet.
            writer.transport.abort()
            back.transport.abort()
            return
        self._open |= {writer, back}
        await asyncio.gather(self._copy(reader, back), self._copy(there, writer))
        self._open -= {writer, back}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(1 << 14):
                if self._rate is not None:
                    await asyncio.sleep(len(piece) / self._rate)
                writer.write(piece)
                await writer.drain()
        writer.close()
