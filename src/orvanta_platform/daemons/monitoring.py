"""Endpoint of metrics and health checks, on a port of its own.

`/health/live` responds while the event loop runs. `/health/ready` checks that the process accepts work. `/metrics`
needs the token of ORVANTA_METRICS_TOKEN, if it is set. Without a token the endpoint listens on loopback only, and
answers only requests to a loopback name, so that no web page can read it through a domain that resolves to loopback.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import msgspec
import structlog

from orvanta_platform import clock
from orvanta_platform.daemons import ended_runs
from orvanta_platform.daemons.leader_election import lead
from orvanta_platform.daemons.supervision import keep_running
from orvanta_platform.errors import PortTaken
from orvanta_platform.measurements import Measurements
from orvanta_platform.services.maintenance import metrics, readiness
from orvanta_platform.services.maintenance.metrics import Figures
from orvanta_platform.services.platform import Platform
from orvanta_platform.settings import LOOPBACK

LEADER = "metrics"

_MAX_CONNECTIONS = 20
_MAX_HEAD = 8 << 10
_REQUEST_TIMEOUT_S = 10.0
"""Time limit in seconds of a request with its response."""
_HEAD_TIMEOUT_S = 2.0
"""Time limit in seconds of the head of a request."""
_MAX_AGE_S = 2.0
"""Age in seconds up to which figures of the database are served again."""

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed"}
_PLAIN = "text/plain; charset=utf-8"
_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"

log = structlog.get_logger(__name__)


class _Response(msgspec.Struct, frozen=True):
    status: int
    body: bytes
    content_type: str = _PLAIN


@asynccontextmanager
async def monitoring(platform: Platform, port: int | None, *, with_database: bool) -> AsyncIterator[None]:
    """Serve the endpoint while the block is active; None: do not serve it.

    `with_database`: one of the processes exposes the figures of the database. Raises PortTaken.
    """
    if port is None:
        yield
        return
    # Imported here because a process without this endpoint needs neither the module nor its library.
    from orvanta_platform.daemons import exposition

    endpoint = Endpoint(platform, exposition.write)
    host = platform.settings.metrics_host
    try:
        server = await asyncio.start_server(endpoint.serve, host, port, limit=_MAX_HEAD)
    except OSError as error:
        raise PortTaken(
            f"The process cannot serve metrics on {host}:{port}: {error.strerror}.",
            hint="Stop the program that listens there, or set ORVANTA_METRICS_PORT or ORVANTA_WORKER_METRICS_PORT.",
        ) from error
    log.info("serving metrics", host=host, port=port)
    leading = asyncio.create_task(keep_running(endpoint.lead, platform)) if with_database else None
    try:
        yield
    finally:
        if leading is not None:
            leading.cancel()
            await asyncio.wait([leading])
        server.close()


class Endpoint:
    """Handler of the connections."""

    def __init__(self, platform: Platform, write: Callable[[Measurements, Figures | None], bytes]) -> None:
        self._platform = platform
        self._write = write
        self._token = platform.settings.metrics_token
        self._open: set[asyncio.StreamWriter] = set()
        self._silent: dict[asyncio.StreamWriter, None] = {}
        """Connections that have sent no head, the oldest first."""
        self._leads = False
        self._figures: Figures | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def lead(self, platform: Platform) -> None:
        """Expose the figures of the database whenever this process is the leader that does so. Runs until cancelled."""
        await lead(platform, LEADER, self.expose_figures)

    async def expose_figures(self, _platform: Platform) -> None:
        """Expose the figures of the database until cancelled."""
        self._leads = True
        try:
            await asyncio.Event().wait()
        finally:
            self._leads = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close the connection.

        Over the limit, the oldest connection without a request is closed: such connections do not make checks fail.
        """
        self._open.add(writer)
        self._silent[writer] = None
        try:
            if len(self._open) > _MAX_CONNECTIONS:
                self._drop(next(iter(self._silent)))
            if not writer.is_closing():
                async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                    await self._answer(reader, writer)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        except Exception as error:
            log.warning("metrics failed", action="metrics", error=repr(error))
        finally:
            self._open.discard(writer)
            self._silent.pop(writer, None)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        self._open.discard(writer)
        self._silent.pop(writer, None)
        writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_HEAD_TIMEOUT_S):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self._silent.pop(writer, None)
        first, *lines = head.split("\r\n")
        method, _, target = first.partition(" ")
        path = target.partition(" ")[0].partition("?")[0]
        headers = {name.strip().lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
        answer = await self._find(method, path, headers)
        writer.write(
            f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Service Unavailable')}\r\n"
            f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n"
            "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n".encode()
        )
        if method != "HEAD":
            writer.write(answer.body)
        await writer.drain()

    async def _find(self, method: str, path: str, headers: dict[str, str]) -> _Response:
        if method not in ("GET", "HEAD"):
            return _Response(405, b"Send a GET request.\n")
        if self._token is None and _host_of(headers.get("host", "")) not in LOOPBACK:
            return _Response(400, b"Without a token, only requests to a loopback address are answered.\n")
        match path:
            case "/health/live":
                return _Response(200, b"live\n")
            case "/health/ready":
                reason = await readiness.find_obstacle(self._platform)
                return _Response(200, b"ready\n") if reason is None else _Response(503, f"{reason}\n".encode())
            case "/metrics" if self._may_read(headers.get("authorization", "")):
                return await self._metrics()
            case "/metrics":
                return _Response(401, b"Send the token of ORVANTA_METRICS_TOKEN as a bearer token.\n")
        return _Response(404, b"There are /metrics, /health/live and /health/ready.\n")

    def _may_read(self, authorization: str) -> bool:
        if self._token is None:
            return True
        return hmac.compare_digest(authorization.encode(), f"Bearer {self._token}".encode())

    async def _metrics(self) -> _Response:
        measured = self._platform.measurements
        await ended_runs.record_ended(self._platform)
        return _Response(200, self._write(measured, await self._read_figures() if self._leads else None), _EXPOSITION)

    async def _read_figures(self) -> Figures | None:
        """Return the figures of the database, read again if they are old; concurrent requests share a reading."""
        async with self._reading:
            if clock.monotonic() - self._read_at > _MAX_AGE_S:
                self._figures = await metrics.read_figures(self._platform)
                self._read_at = clock.monotonic()
            return self._figures


def _host_of(header: str) -> str:
    """Return the host of a header Host, without its port."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]
