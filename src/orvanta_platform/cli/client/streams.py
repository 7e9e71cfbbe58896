"""Updates of one job as the server streams them, through lost connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import msgspec

from orvanta_platform import clock
from orvanta_platform.cli.client.api import accepted, unreachable
from orvanta_platform.cli.client.connection import Connection
from orvanta_platform.cli.client.errors import ServerRefused

_PATIENCE_S = 300.0
"""How long a server may be away before a watcher gives up."""

_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)
_AWAY = (429, 502, 503, 504)
_DATA = b"data: "


class Update(msgspec.Struct, kw_only=True):
    """What is new of a job. `log_offset`: where in its log the next update begins, in characters."""

    completed: bool
    new_logs: str = ""
    log_offset: int = 0


class Lost(Exception):
    """The stream ended before the job did."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


async def follow(
    client: httpx.AsyncClient, connection: Connection, address: str, note: Callable[[str], None]
) -> AsyncIterator[Update]:
    """Every update of the job at `address` (getupdate_sse), the last one says `completed`.

    After a lost connection it goes on where the log was left; `note` is told once per loss. Raises
    ServerUnreachable when the server stays away, NotLoggedIn and ServerRefused.
    """
    offset, losses, alive_at = 0, 0, clock.monotonic()
    while True:
        try:
            async for update in _once(client, connection, address, offset):
                offset, losses, alive_at = update.log_offset or offset, 0, clock.monotonic()
                yield update
                if update.completed:
                    return
            raise Lost(httpx.RemoteProtocolError("the stream ended early"))
        except Lost as lost:
            if clock.monotonic() - alive_at > _PATIENCE_S:
                raise unreachable(connection.url, lost.reason) from None
            if not losses:
                note(f"Lost the connection to {connection.url}; trying again …")
            await asyncio.sleep(_PAUSES_S[min(losses, len(_PAUSES_S) - 1)])
            losses += 1


async def fetch(client: httpx.AsyncClient, connection: Connection, address: str) -> bytes:
    """The answer to one GET, tried again as long as the server is away. Raises as `follow`."""
    losses, began = 0, clock.monotonic()
    while True:
        try:
            answer = await client.get(address)
            return accepted(answer, connection).content
        except (httpx.TransportError, ServerRefused) as error:
            if isinstance(error, ServerRefused) and error.answered not in _AWAY:
                raise
            if clock.monotonic() - began > _PATIENCE_S:
                raise unreachable(connection.url, error) from None
        await asyncio.sleep(_PAUSES_S[min(losses, len(_PAUSES_S) - 1)])
        losses += 1


async def _once(client: httpx.AsyncClient, connection: Connection, address: str, offset: int) -> AsyncIterator[Update]:
    """The updates of one connection. Raises Lost, NotLoggedIn, ServerRefused."""
    try:
        async with client.stream("GET", address, params={"log_offset": offset}) as answer:
            if not answer.is_success:
                await answer.aread()
                accepted(answer, connection)
            async for event in _events(answer):
                yield msgspec.json.decode(event, type=Update)
    except httpx.TransportError as error:
        raise Lost(error) from None
    except ServerRefused as error:
        if error.answered in _AWAY:
            raise Lost(error) from None
        raise


async def _events(answer: httpx.Response) -> AsyncIterator[bytes]:
    """The data of each event. By bytes: a log may hold characters that count as ends of a line elsewhere."""
    waiting = b""
    async for piece in answer.aiter_bytes():
        *whole, waiting = (waiting + piece).split(b"\n\n")
        for event in whole:
            if event.startswith(_DATA):
                yield event[len(_DATA) :]
