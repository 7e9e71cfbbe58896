"""The database under test: killed with all its processes, held down, stopped, asked through every restart."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
from tests import processes
from tests.chaos.gate import PATIENCE_S

from orvanta_platform.db.pool import CANNOT_CONNECT
from orvanta_platform.embedded.postgres import EmbeddedPostgres, start

# A standby that never comes: a COMMIT with synchronous_commit = on is then durable and gets no answer. All
# others wait for the disk alone, as without standbys.
OPTIONS = {"synchronous_standby_names": "nobody", "synchronous_commit": "local"}
LOOK_S = 0.02

UNANSWERED = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'SyncRep'"
END_UNANSWERED = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


class Database:
    """An embedded PostgreSQL of its own, and the test's connection to it."""

    def __init__(self, home: Path) -> None:
        self.server: EmbeddedPostgres = start(home, options=OPTIONS)
        self._connection: Any = None

    @property
    def url(self) -> str:
        """The address for the application."""
        return self.server.app_url

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        """The answer, as soon as there is a server that gives one."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    if self._connection is None or self._connection.is_closed():
                        self._connection = await asyncpg.connect(self.url)
                    return list(await self._connection.fetch(query, *arguments))
                except CANNOT_CONNECT:
                    self._connection = None
                    await asyncio.sleep(LOOK_S)

    async def value(self, query: str, *arguments: Any) -> Any:
        """The first column of the first row."""
        return (await self.rows(query, *arguments))[0][0]

    async def until(self, query: str, *arguments: Any) -> None:
        """Until the first column of the first row is true."""
        async with asyncio.timeout(PATIENCE_S):
            while not await self.value(query, *arguments):
                await asyncio.sleep(LOOK_S)

    async def unanswered(self, backend: int) -> None:
        """Until this backend's COMMIT is durable and waits."""
        await self.until(f"SELECT ({UNANSWERED}) > 0", backend)

    async def end_unanswered(self) -> None:
        """End the backends that wait in a COMMIT: it succeeded, but the client gets no response."""
        await self.rows(END_UNANSWERED)

    def processes(self) -> list[int]:
        """The server's process, then its children."""
        pid = self.server.pid
        return [] if pid is None else [pid, *processes.children(pid)]

    def kill(self) -> None:
        """kill -9 of the server and of each of its processes; its keeper starts another."""
        for pid in self.processes():
            kill_and_wait(pid)

    @contextmanager
    def held_down(self) -> Iterator[None]:
        """Killed, and not started again while the block runs."""
        os.kill(self.server.keeper_pid, signal.SIGSTOP)
        try:
            self.kill()
            yield
        finally:
            os.kill(self.server.keeper_pid, signal.SIGCONT)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Every process of the server stands still while the block runs."""
        stopped = self.processes()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)

    async def close(self) -> None:
        """Disconnect and let the server end."""
        if self._connection is not None:
            with suppress(*CANNOT_CONNECT):
                await self._connection.close(timeout=5)
        self.server.close()


def kill_and_wait(pid: int) -> None:
    """kill -9, and wait until the process has ended; nothing where it has ended before."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    select.select([handle], [], [])
    os.close(handle)


async def ended(handle: int) -> None:
    """Until the process of this pidfd has ended."""
    async with asyncio.timeout(PATIENCE_S):
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(handle, readable.set)
        await readable.wait()
        loop.remove_reader(handle)
    os.close(handle)
