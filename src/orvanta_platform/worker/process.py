"""The worker's process. Its supervisor starts it and passes it a lease; it ends with the supervisor.

The two exchange JSON lines over a socket pair: `hello` (isolation) to the supervisor, `lease` (worker id, generation)
and `drain` from it. Heartbeats, the number of executed jobs and the time of the last poll for assigned jobs are in
memory that they share.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import structlog

from orvanta_platform import heap
from orvanta_platform.services.platform import Platform, open_platform
from orvanta_platform.settings import Settings
from orvanta_platform.worker.group_settings import GroupSettings
from orvanta_platform.worker.lease import IDLE_TRANSACTION_MS, Lease, SharedRecord
from orvanta_platform.worker.loop import Worker
from orvanta_platform.worker.runtimes.pool import Runtimes

CONNECTIONS = 4
"""Maximum number of database connections of one worker, including the listener."""

Background = Callable[[Platform], AbstractAsyncContextManager[None]]
"""Daemons that run in the worker's process next to its loop."""

log = structlog.get_logger(__name__)


class Control:
    """The worker's end of the socket pair."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, handle: int) -> Control:
        """Open the inherited socket `handle`."""
        return cls(*await asyncio.open_connection(sock=socket.socket(fileno=handle)))

    def send(self, **fields: Any) -> None:
        """Send one message to the supervisor."""
        self._writer.write(msgspec.json.encode(fields) + b"\n")

    async def receive(self) -> dict[str, Any] | None:
        """Return the next message, or None if the supervisor has ended."""
        line = await self._reader.readline()
        return msgspec.json.decode(line, type=dict[str, Any]) if line else None


async def run(settings: Settings, control_fd: int, record: SharedRecord, background: Background) -> None:
    """Serve the queues until drained or until the supervisor ends."""
    control = await Control.open(control_fd)
    platform = await open_platform(
        settings, connections=CONNECTIONS - 1, by_index=True, idle_transaction_timeout_ms=IDLE_TRANSACTION_MS
    )
    runtimes = Runtimes(
        settings.home,
        _hidden(settings),
        mode=_mode(settings),
        max_idle_processes=2 * settings.slots,
        job_ports=settings.job_ports,
        python_paths=settings.pythons,
    )
    try:
        await runtimes.start()
        control.send(hello={"isolation": runtimes.isolation.level})
        lease = await _lease(control, settings, record)
        if lease is not None:
            worker = Worker(platform, runtimes, lease)
            group = GroupSettings(platform, worker, lease, runtimes.isolation.level)
            await group.apply()
            async with background(platform):
                heap.settle()
                await _work(worker, control, lease, group)
    finally:
        await runtimes.close()
        await platform.close()


async def _lease(control: Control, settings: Settings, record: SharedRecord) -> Lease | None:
    message = await control.receive()
    if message is None or "lease" not in message:
        return None
    lease = message["lease"]
    return Lease(UUID(lease["worker"]), lease["generation"], settings.lost_beat_ms / 1000, record)


async def _work(worker: Worker, control: Control, lease: Lease, group: GroupSettings) -> None:
    listening = asyncio.create_task(_listen(worker, control, lease), name="control")
    following = asyncio.create_task(group.follow(), name="group settings")
    working = asyncio.create_task(worker.run(), name="worker")
    tasks = (listening, following, working)
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _listen(worker: Worker, control: Control, lease: Lease) -> None:
    """Handle messages until the supervisor ends, which ends the worker's beats.

    A supervisor that was started before an upgrade sends beats as messages without their numbers, and shares no memory.
    """
    while (message := await control.receive()) is not None:
        if "beat" in message:
            lease.record.record_beat(message["beat"], drained=message["drained"])
        elif "drain" in message:
            worker.drain()


def _hidden(settings: Settings) -> list[Path]:
    """Return the paths outside of the home that jobs must not see: the folder of local objects, if it is elsewhere."""
    url = settings.object_storage_url
    return [Path(url.removeprefix("file://"))] if url and url.startswith("file://") else []


def _mode(settings: Settings) -> Any:
    return settings.isolation
