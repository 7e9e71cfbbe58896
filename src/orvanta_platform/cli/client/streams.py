"""Updates of one job, or of a whole run, streamed by the server, with reconnection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

import httpx
import msgspec

from orvanta_platform import clock
from orvanta_platform.cli.client.api import accepted, unreachable
from orvanta_platform.cli.client.connection import Connection
from orvanta_platform.cli.client.errors import ServerRefused

T = TypeVar("T")

_TIMEOUT_S = 300.0
"""Seconds for which a server may be unavailable before a watcher gives up."""

_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)
_AWAY = (429, 502, 503, 504)


class Update(msgspec.Struct, kw_only=True):
    """New data of a job."""

    completed: bool
    new_logs: str = ""
    log_offset: int = 0
    """Offset in the log at which the next update starts, in characters."""


class Event(msgspec.Struct, kw_only=True):
    """Message of the stream of a run: `status`, `log` or `end`, and its JSON text."""

    name: str
    data: bytes


class Lost(Exception):
    """The stream ended before the job did."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


async def follow(
    client: httpx.AsyncClient, connection: Connection, address: str, note: Callable[[str], None]
) -> AsyncGenerator[Update]:
    """Yield every update of the job at `address` (getupdate_sse); the last one has `completed`.

    After a lost connection, it resumes at the offset of the log and calls `note` once per loss. Raises
    ServerUnreachable if the server stays unavailable, NotLoggedIn and ServerRefused.
    """
    cursor = {"log_offset": "0"}

    async def updates() -> AsyncGenerator[Update]:
        async with aclosing(_fields(client, connection, address, params=cursor)) as found:
            async for fields in found:
                update = msgspec.json.decode(fields[b"data"], type=Update)
                cursor["log_offset"] = str(update.log_offset or cursor["log_offset"])
                yield update

    async with aclosing(_reconnecting(updates, connection, note)) as item:
        async for update in item:
            yield update
            if update.completed:
                return


async def follow_run(
    client: httpx.AsyncClient, connection: Connection, run_id: str, note: Callable[[str], None]
) -> AsyncGenerator[Event]:
    """Yield every message of the stream of a run; the last one is `end`. Resumes and raises like `follow`."""
    cursor: dict[str, str] = {}

    async def events() -> AsyncGenerator[Event]:
        address = f"/api/v1/runs/{run_id}/stream"
        async with aclosing(_fields(client, connection, address, headers=cursor)) as found:
            async for fields in found:
                yield Event(name=fields[b"event"].decode(), data=fields[b"data"])
                cursor["Last-Event-ID"] = fields[b"id"].decode()

    async with aclosing(_reconnecting(events, connection, note)) as item:
        async for event in item:
            yield event
            if event.name == "end":
                return


async def _reconnecting(
    listen: Callable[[], AsyncGenerator[T]], connection: Connection, note: Callable[[str], None]
) -> AsyncGenerator[T]:
    """Yield the items of `listen`, which is called again after each loss, until the server stays unavailable."""
    losses, alive_at = 0, clock.monotonic()
    while True:
        try:
            async with aclosing(listen()) as found:
                async for item in found:
                    losses, alive_at = 0, clock.monotonic()
                    yield item
            raise Lost(httpx.RemoteProtocolError("the stream ended early"))
        except Lost as lost:
            if clock.monotonic() - alive_at > _TIMEOUT_S:
                raise unreachable(connection.url, lost.reason) from None
            if not losses:
                note(f"Lost the connection to {connection.url}; retrying …")
            await asyncio.sleep(_PAUSES_S[min(losses, len(_PAUSES_S) - 1)])
            losses += 1


async def fetch(client: httpx.AsyncClient, connection: Connection, address: str) -> bytes:
    """Return the response to a GET request, retried while the server is unavailable. Raises like `follow`."""
    losses, started = 0, clock.monotonic()
    while True:
        try:
            answer = await client.get(address)
            return accepted(answer, connection).content
        except (httpx.TransportError, ServerRefused) as error:
            if isinstance(error, ServerRefused) and error.answered not in _AWAY:
                raise
            if clock.monotonic() - started > _TIMEOUT_S:
                raise unreachable(connection.url, error) from None
        await asyncio.sleep(_PAUSES_S[min(losses, len(_PAUSES_S) - 1)])
        losses += 1


async def _fields(
    client: httpx.AsyncClient,
    connection: Connection,
    address: str,
    *,
    params: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> AsyncGenerator[dict[bytes, bytes]]:
    """Yield the fields of each event of one connection. Raises Lost, NotLoggedIn, ServerRefused."""
    try:
        async with client.stream("GET", address, params=params, headers=headers) as answer:
            if not answer.is_success:
                await answer.aread()
                accepted(answer, connection)
            async for block in _blocks(answer):
                pairs = (line.partition(b": ") for line in block.split(b"\n"))
                fields = {name: value for name, _, value in pairs}
                if b"data" in fields:
                    yield fields
    except httpx.TransportError as error:
        raise Lost(error) from None
    except ServerRefused as error:
        if error.answered in _AWAY:
            raise Lost(error) from None
        raise


async def _blocks(answer: httpx.Response) -> AsyncGenerator[bytes]:
    """Yield the text of each event. Splits bytes, because a log may contain characters that other functions treat as
    line breaks.
    """
    waiting = b""
    async for piece in answer.aiter_bytes():
        *whole, waiting = (waiting + piece).split(b"\n\n")
        for block in whole:
            yield block
