"""The database under test, which can be killed, held down or stopped; queries are retried across restarts."""

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

# The standby does not exist: a COMMIT with synchronous_commit = on is durable but gets no answer. All
# others wait only for the disk, as without standbys.
OPTIONS = {"synchronous_standby_names": "nobody", "synchronous_commit": "local"}
POLL_S = 0.05

UNANSWERED = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'SyncRep'"
END_UNANSWERED = (
    "SELECT coalesce(bool_and(pg_terminate_backend(pid, $1)), true) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
)


class Database:
    """A separate embedded PostgreSQL, and the test's connection to it."""

    def __init__(self, home: Path) -> None:
        self.server: EmbeddedPostgres = start(home, options=OPTIONS)
        self._connection: Any = None

    @property
    def url(self) -> str:
        """URL for the application."""
        return self.server.app_url

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        """Return the rows of a query, retried until the server answers."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    if self._connection is None or self._connection.is_closed():
                        self._connection = await asyncpg.connect(self.url)
                    return list(await self._connection.fetch(query, *arguments))
                except CANNOT_CONNECT:
                    self._connection = None
                    await asyncio.sleep(POLL_S)

    async def value(self, query: str, *arguments: Any) -> Any:
        """Return the first column of the first row."""
        return (await self.rows(query, *arguments))[0][0]

    async def until(self, query: str, *arguments: Any) -> None:
        """Wait until the first column of the first row is true."""
        async with asyncio.timeout(PATIENCE_S):
            while not await self.value(query, *arguments):
                await asyncio.sleep(POLL_S)

    async def unanswered(self, backend: int) -> None:
        """Wait until this backend's COMMIT is durable and blocks."""
        await self.until(f"SELECT ({UNANSWERED}) > 0", backend)

    async def end_unanswered(self) -> None:
        """Terminate the backends that block in a COMMIT: it succeeded, but the client gets no response.

        Its writes become visible when the backend ends, for which this waits.
        """
        assert await self.value(END_UNANSWERED, int(PATIENCE_S * 1000))

    def processes(self) -> list[int]:
        """Return the server's process, then its children."""
        pid = self.server.pid
        return [] if pid is None else [pid, *processes.children(pid)]

    def kill(self) -> None:
        """Send SIGKILL to the server and each of its processes; the keeper starts another server."""
        for pid in self.processes():
            kill_and_wait(pid)

    @contextmanager
    def held_down(self) -> Iterator[None]:
        """Kill the server, and prevent its restart while the block runs."""
        os.kill(self.server.keeper_pid, signal.SIGSTOP)
        try:
            self.kill()
            yield
        finally:
            os.kill(self.server.keeper_pid, signal.SIGCONT)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop every process of the server while the block runs (SIGSTOP)."""
        stopped = self.processes()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)

    async def close(self) -> None:
        """Disconnect and shut the server down."""
        if self._connection is not None:
            with suppress(*CANNOT_CONNECT):
                await self._connection.close(timeout=5)
        self.server.close()


def kill_and_wait(pid: int) -> None:
    """Send SIGKILL and wait until the process has ended; do nothing if it has ended before."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    select.select([handle], [], [])
    os.close(handle)


async def ended(handle: int) -> None:
    """Wait until the process of this pidfd has ended."""
    async with asyncio.timeout(PATIENCE_S):
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(handle, readable.set)
        await readable.wait()
        loop.remove_reader(handle)
    os.close(handle)
