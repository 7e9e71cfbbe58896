"""The server process: the application on one port, in one event loop, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

import structlog
import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server

from orvanta_platform import heap
from orvanta_platform.errors import PortTaken
from orvanta_platform.http.app import create_app
from orvanta_platform.services.platform import Platform, open_platform
from orvanta_platform.settings import Settings

CONNECTIONS = 12
"""Database connections of a server process."""

_STOP_S = 5
_BACKLOG = 1024
_OPEN_REQUESTS = 20_000
"""Requests at a time, streams of waiting readers among them; they cost memory, not a thread."""

log = structlog.get_logger(__name__)

Background = Callable[[Platform], AbstractAsyncContextManager[object]]
"""What runs in the process beside the API, from after the start until before the end."""


def serve(settings: Settings, *, background: Background | None = None) -> None:
    """Serve until SIGTERM or SIGINT; open requests get 5 s to end.

    Raises PortTaken, DatabaseUnavailable, DatabaseTooOld, SchemaTooNew, SettingsError.
    """
    _check_port(settings)
    uvloop.run(_serve(settings, background))


async def _serve(settings: Settings, background: Background | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    platform = await open_platform(settings, connections=CONNECTIONS)
    try:
        async with background(platform) if background is not None else nullcontext():
            await run_until(stop, settings, platform)
    finally:
        await platform.close()


async def run_until(stop: asyncio.Event, settings: Settings, platform: Platform) -> None:
    """Serve the application on an open platform until `stop` is set. Raises PortTaken."""
    server = Server(
        create_app(platform),
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGINL,
        backlog=_BACKLOG,
        backpressure=_OPEN_REQUESTS,
        websockets=False,
        log_enabled=False,
    )
    server.workers_kill_timeout = _STOP_S
    heap.settle()
    serving = asyncio.create_task(server.serve(), name="granian")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    log.info("serving", host=settings.host, port=settings.port)
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    server.stop()  # type: ignore[no-untyped-call]
    stopping.cancel()
    await serving


def _check_port(settings: Settings) -> None:
    """Refuse a port that somebody listens on: the server itself would share it silently."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise PortTaken(
                f"The server cannot listen on {settings.host}:{settings.port}: {error.strerror}.",
                hint="Stop what listens there, or set ORVANTA_HOST and ORVANTA_PORT.",
            ) from error
