"""The server process: serves the application on one port, in one event loop, until it is stopped."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

import structlog
import uvloop
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from litestar.types import ASGIApp, Receive, Scope, Send

from orvanta_platform import heap
from orvanta_platform.http import listener
from orvanta_platform.http.app import create_app
from orvanta_platform.http.listener import BACKLOG, Listener
from orvanta_platform.services.platform import Platform, open_platform
from orvanta_platform.settings import Settings

CONNECTIONS = 12
"""Maximum number of database connections of a server process, without the listener."""

IDLE_TRANSACTION_MS = 30_000
"""Time after which the database ends a session whose transaction waits for this process.

A frozen or lost server would keep its locks, and no younger transaction could be linked, committed to Git or sent.
"""

_STOP_S = 5
_OPEN_REQUESTS = 20_000
"""Maximum number of concurrent requests, including open streams. They cost memory but no thread."""

log = structlog.get_logger(__name__)

Background = Callable[[Platform], AbstractAsyncContextManager[object]]
"""Daemons that run in the server's process next to the API, from after its start until before its end."""


def serve(
    settings: Settings, *, background: Background | None = None, prepare: Callable[[], object] = lambda: None
) -> None:
    """Serve until SIGTERM or SIGINT. Open requests then have 5 s to complete.

    `prepare` is called when the port accepts connections, whose requests are answered afterwards.

    Raises PortTaken, DatabaseUnavailable, DatabaseTooOld, SchemaTooNew, SettingsError.
    """
    with listener.listen(settings.host, settings.port) as sockets:
        prepare()
        uvloop.run(_serve(settings, background, sockets))


async def _serve(settings: Settings, background: Background | None, sockets: Listener) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    limit = settings.statement_timeout_ms
    platform = await open_platform(
        settings,
        connections=CONNECTIONS,
        statement_timeout_ms=limit,
        idle_transaction_timeout_ms=IDLE_TRANSACTION_MS,
    )
    try:
        async with background(platform) if background is not None else nullcontext():
            await run_until(stop, platform, sockets)
    finally:
        await platform.close()


async def run_until(stop: asyncio.Event, platform: Platform, sockets: Listener) -> None:
    """Serve the application on an open platform until `stop` is set, then close the listener."""
    requests = _Requests(create_app(platform))
    server = _Server(sockets, requests, header_timeout_s=platform.settings.request_grace_s)
    heap.settle()
    serving = asyncio.create_task(server.serve(), name="granian")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    log.info("serving", host=sockets.host, port=sockets.port)
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    platform.measurements.unready = lambda: "The server is stopping."
    sockets.close()
    server.stop()  # type: ignore[no-untyped-call]
    stopping.cancel()
    await asyncio.wait([serving], timeout=_STOP_S)
    requests.cancel()
    await serving


class _Requests:
    """The application, and its unanswered requests."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application
        self._open: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._application(scope, receive, send)
        finally:
            self._open.discard(task)

    def cancel(self) -> None:
        """Cancel the open requests, as long polls and streams could last for hours."""
        for task in self._open:
            task.cancel()


class _Server(Server):
    """Granian on the listener's socket. Its own socket sets SO_REUSEPORT, which lets other processes share the port."""

    def __init__(self, sockets: Listener, application: ASGIApp, *, header_timeout_s: int) -> None:
        super().__init__(
            application,
            address=sockets.host,
            port=sockets.port,
            interface=Interfaces.ASGINL,
            # With detection of the HTTP version, granian would keep an idle connection open forever.
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=header_timeout_s * 1000),
            backlog=BACKLOG,
            backpressure=_OPEN_REQUESTS,
            websockets=False,
            log_enabled=False,
        )
        self._sockets = sockets

    def _init_shared_socket(self) -> None:
        holder: Any = SocketHolder
        self._shd = holder(self._sockets.detached(), False, BACKLOG)
