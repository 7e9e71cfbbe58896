"""A proxy between the platform and PostgreSQL that can cut a connection after a commit, before its response."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from tests.conftest import TestDatabase

SOCKET = ".s.PGSQL.5432"


class Wire:
    """A proxy created by `wire`; `url` is the address of the database through the proxy."""

    def __init__(self, url: str, target: Path) -> None:
        self.url = url
        self._target = target
        self._holding: bytes | None = None
        self._held: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def hold(self, after: bytes) -> None:
        """From now on, hold back all responses to a connection that has sent `after`."""
        self._holding = after

    def cut(self) -> None:
        """Close the connections whose responses were held back; later connections are not affected."""
        self._holding = None
        for writer in self._held:
            writer.close()
        self._held.clear()

    async def serve(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        server_in, server_out = await asyncio.open_unix_connection(str(self._target))
        pumps = {
            asyncio.create_task(self._send(client_in, server_out, client_out)),
            asyncio.create_task(self._answer(server_in, client_out)),
        }
        self._tasks |= pumps
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        for writer in (server_out, client_out):
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _send(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, client: asyncio.StreamWriter
    ) -> None:
        while data := await source.read(1 << 16):
            if self._holding is not None and self._holding in data:
                self._held.add(client)
            target.write(data)
            await target.drain()

    async def _answer(self, source: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while data := await source.read(1 << 16):
            if client not in self._held:
                client.write(data)
                await client.drain()


@asynccontextmanager
async def wire(database: TestDatabase) -> AsyncIterator[Wire]:
    """Open a proxy to the database."""
    parts = urlsplit(database.app_url)
    (folder,) = parse_qs(parts.query)["host"]
    home = Path(tempfile.mkdtemp(prefix="orvanta-wire-"))
    url = parts._replace(query=f"host={quote(str(home), safe='/')}").geturl()
    made = Wire(url, Path(folder) / SOCKET)
    server = await asyncio.start_unix_server(made.serve, str(home / SOCKET))
    try:
        yield made
    finally:
        server.close()
        shutil.rmtree(home)
