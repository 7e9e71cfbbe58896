"""The worker's supervisor: sends its beats, watches its process and restarts it.

It is a separate process, so that neither user code nor the worker's loop can delay a beat. It imports everything that
it needs to requeue jobs when it starts: at its end, the files of this version may have been replaced by an upgrade.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
import structlog
import uvloop

from orvanta_platform import __version__, clock, forked
from orvanta_platform import settings as settings_module
from orvanta_platform.db import workers
from orvanta_platform.db.pool import CANNOT_CONNECT, TRANSIENT, Database
from orvanta_platform.db.workers import NewWorker
from orvanta_platform.errors import DatabaseUnavailable, SettingsError
from orvanta_platform.forked import ForkedProcess
from orvanta_platform.ids import new_run_id
from orvanta_platform.services.platform import open_storage
from orvanta_platform.settings import Settings
from orvanta_platform.storage import Storage
from orvanta_platform.worker import job_recovery
from orvanta_platform.worker.lease import IDLE_TRANSACTION_MS, SharedRecord

_PAUSE_S = (0.2, 5.0)
_STEADY_S = 30.0
_MAX_POLL_S = 2.0
"""Maximum time in seconds between polls of a process that lends slots; it polls for assigned jobs each second."""
_AWAY: tuple[type[Exception], ...] = (*TRANSIENT, *CANNOT_CONNECT, DatabaseUnavailable)

log = structlog.get_logger(__name__)


Work = Callable[[int, int], int]
"""The worker's process: receives the number of its end of the socket pair and that of the file of the record in shared
memory, and returns its exit code.
"""


def run(settings: Settings, work: Work) -> int:
    """Run one worker until SIGTERM or SIGINT and return the exit code.

    A second signal does not wait for jobs: they are requeued and run again from the start.
    """
    if settings.database_url is None:
        raise SettingsError("DATABASE_URL is not set.", hint="Set the database's URL, or use `orvanta up`.")
    return uvloop.run(_Supervisor(settings, _fork(work)).run())


_Started = tuple[subprocess.Popen[bytes] | ForkedProcess, socket.socket, SharedRecord]
"""The worker's process, with this end of the socket pair and the record in shared memory."""


class _Child:
    """The worker's process with this end of the socket pair and the record in shared memory."""

    def __init__(
        self, process: subprocess.Popen[bytes] | ForkedProcess, record: SharedRecord, reader: Any, writer: Any
    ) -> None:
        self.process = process
        self.record = record
        self.reader: asyncio.StreamReader = reader
        self.writer: asyncio.StreamWriter = writer
        self.exited = asyncio.Event()

    @classmethod
    async def connect(cls, started: _Started) -> _Child:
        """Connect to the process. It sends `hello` when it is ready."""
        process, control, record = started
        return cls(process, record, *await asyncio.open_connection(sock=control))

    def send(self, **fields: Any) -> None:
        with suppress(ConnectionError):
            self.writer.write(msgspec.json.encode(fields) + b"\n")

    async def receive(self) -> dict[str, Any] | None:
        try:
            line = await self.reader.readline()
        except ConnectionError:
            return None
        return msgspec.json.decode(line, type=dict[str, Any]) if line else None

    def kill(self) -> None:
        """Kill the process and its process group immediately."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    async def wait(self) -> int:
        code = await asyncio.to_thread(self.process.wait)
        self.writer.close()
        return code


def _fork(work: Work) -> _Started:
    """Fork the worker's process and return it with this end of the socket pair."""
    own_end, child_end = socket.socketpair()
    with child_end, _new_record() as (record, shared):
        control = child_end.fileno()
        title = "orvanta_platform.cli.main worker-process"
        process = forked.fork(
            lambda: work(control, shared), title, keep=[control, shared], end_with_parent=signal.SIGKILL
        )
    return process, own_end, record


@contextmanager
def _new_record() -> Iterator[tuple[SharedRecord, int]]:
    """Yield a record and the handle of its file, which is open while the block runs."""
    handle = SharedRecord.create_file()
    try:
        yield SharedRecord(handle), handle
    finally:
        os.close(handle)


def _spawn(settings: Settings) -> _Started:
    """Start the worker's process and return this end of the socket pair. Secrets are passed through a pipe."""
    with _new_record() as (record, shared):
        return *_exec(settings, shared), record


def _exec(settings: Settings, shared: int) -> tuple[subprocess.Popen[bytes], socket.socket]:
    own_end, child_end = socket.socketpair()
    read, write = os.pipe()
    with os.fdopen(write, "w") as pipe:
        json.dump(settings_module.secrets(settings), pipe)
    command = [sys.executable, "-P", "-m", "orvanta_platform.cli.main", "worker-process"]
    secret = settings_module.secret_names()
    try:
        process = subprocess.Popen(
            [*command, "--secrets-fd", str(read), "--control-fd", str(child_end.fileno()), "--lease-fd", str(shared)],
            stdin=subprocess.DEVNULL,
            env={name: text for name, text in os.environ.items() if name not in secret},
            pass_fds=(read, child_end.fileno(), shared),
            start_new_session=True,
        )
    finally:
        os.close(read)
        child_end.close()
    return process, own_end


class _Supervisor:
    def __init__(self, settings: Settings, first: _Started) -> None:
        self._settings = settings
        self._first: _Started | None = first
        self._storage = open_storage(settings)
        self._stopping = asyncio.Event()
        self._child: _Child | None = None
        self._pause_s = _PAUSE_S[0]

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        while not self._stopping.is_set():
            started = clock.monotonic()
            code = await self._run_process()
            if self._stopping.is_set():
                break
            if clock.monotonic() - started > _STEADY_S:
                self._pause_s = _PAUSE_S[0]
            log.warning("worker process ended", action="worker_exit", code=code, again_in_s=self._pause_s)
            await self._sleep(self._pause_s * random.uniform(0.8, 1.2))
            self._pause_s = min(self._pause_s * 2, _PAUSE_S[1])
        return 0

    def _stop(self) -> None:
        """Drain at the first signal, kill at the second."""
        again = self._stopping.is_set()
        self._stopping.set()
        if self._child is not None:
            if again:
                self._child.kill()
            else:
                self._child.send(drain=True)

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _run_process(self) -> int:
        """Run one process, under one row in `worker`, and return its exit code."""
        started, self._first = self._first or _spawn(self._settings), None
        child = self._child = await _Child.connect(started)
        exited = asyncio.create_task(child.wait())
        try:
            hello = await _receive_or_exit(child.receive(), exited)
            if not hello or "hello" not in hello:
                child.kill()
                return await exited
            registration = _Registration(self._settings, self._storage, child, hello["hello"]["isolation"])
            return await registration.run(exited, self._stopping)
        finally:
            child.kill()
            self._child = None


async def _receive_or_exit(receiving: Any, exited: asyncio.Task[int]) -> dict[str, Any] | None:
    """Return the child's next message, or None if it exits first."""
    received = asyncio.ensure_future(receiving)
    done, _ = await asyncio.wait([received, exited], return_when=asyncio.FIRST_COMPLETED)
    if received in done:
        message: dict[str, Any] | None = received.result()
        return message
    received.cancel()
    return None


class _Registration:
    """One worker row and its beats."""

    def __init__(self, settings: Settings, storage: Storage, child: _Child, isolation: str) -> None:
        self._settings = settings
        self._storage = storage
        self._child = child
        self._database: Database | None = None
        self._generation = 1
        self._worker = NewWorker(
            id=new_run_id(),
            name=f"{settings.worker_group}-{socket.gethostname()}-{os.getpid()}",
            instance=socket.gethostname(),
            ip=_address(),
            worker_group=settings.worker_group,
            queues=list(settings.queues) or None,
            slots=settings.slots,
            version=__version__,
            isolation=isolation,
        )

    async def run(self, exited: asyncio.Task[int], stopping: asyncio.Event) -> int:
        await self._register(exited)
        lease = {"worker": str(self._worker.id), "generation": self._generation}
        self._child.send(lease=lease)
        if stopping.is_set():
            self._child.send(drain=True)
        beating = asyncio.create_task(self._beat(), name="heartbeats")
        try:
            await asyncio.wait([exited, beating], return_when=asyncio.FIRST_COMPLETED)
            self._child.kill()
            code = await exited
        finally:
            await _end(beating)
            await self._give_up(stopped=stopping.is_set())
        return code

    async def _connected(self) -> Database:
        if self._database is None:
            assert self._settings.database_url is not None
            self._database = await Database.connect(
                self._settings.database_url,
                direct_url=self._settings.database_direct_url,
                max_size=1,
                idle_transaction_timeout_ms=IDLE_TRANSACTION_MS,
            )
        return self._database

    async def _register(self, exited: asyncio.Task[int]) -> None:
        while not exited.done():
            try:
                database = await self._connected()
                async with database.acquire() as connection:
                    await workers.register(connection, self._worker)
            except _AWAY as error:
                log.warning("cannot register the worker", action="register", error=str(error))
                await asyncio.sleep(_PAUSE_S[0])
            else:
                return

    async def _beat(self) -> None:
        """Beat until the worker is fenced; from then on its jobs no longer belong to it.

        A database that has lost heartbeats, such as a standby that had not received them, has also lost ends of jobs,
        which would remain claimed: the worker gives up all of its jobs.
        """
        last = 0
        pause_s = self._settings.beat_ms / 1000
        while True:
            at = clock.monotonic()
            try:
                database = await self._connected()
                async with asyncio.timeout(self._settings.lost_beat_ms / 1000), database.acquire() as connection:
                    beaten = await workers.record_heartbeat(
                        connection, self._worker.id, self._generation, self._child.record.jobs_executed
                    )
            except _AWAY as error:
                log.warning("beat failed", action="beat", error=str(error))
                await asyncio.sleep(min(pause_s, _PAUSE_S[0]))
                continue
            if beaten is None:
                log.warning("this worker was declared lost", action="fenced", worker=str(self._worker.id))
                return
            if beaten.number <= last:
                log.warning("the database lost heartbeats", action="fenced", worker=str(self._worker.id))
                return
            last = beaten.number
            self._child.record.record_beat(at, beaten.number, drained=beaten.drained)
            await self._requeue_unread(database)
            await asyncio.sleep(max(0.0, clock.align(at + pause_s / 2, at + pause_s) - clock.monotonic()))

    async def _requeue_unread(self, database: Database) -> None:
        """Requeue the jobs that were assigned to a process that has not polled for them for the time of a lease.

        Its heartbeats are recorded, so nobody else would. A job that it had read after all runs at a stale attempt.
        """
        polled_at = self._child.record.polled_at
        silent_s = clock.monotonic() - polled_at
        if not polled_at or silent_s <= self._settings.lease_ms / 1000 + _MAX_POLL_S:
            return
        try:
            await job_recovery.requeue_unread_jobs(
                self._settings, self._storage, database, self._worker.id, self._generation, silent_s
            )
        except _AWAY as error:
            log.warning("cannot requeue assigned jobs", action="unread", error=str(error))

    async def _give_up(self, *, stopped: bool) -> None:
        """Declare the worker ended and requeue its jobs, if the database is available.

        Jobs of a stopped worker are requeued first: a process that found the worker lost would count losses.
        """
        try:
            database = await self._connected()
            if stopped:
                await job_recovery.requeue_stopped_jobs(
                    self._settings, self._storage, database, self._worker.id, self._generation
                )
            async with database.acquire() as connection:
                fenced = await workers.fence_ended(connection, self._worker.id, self._generation, stopped=stopped)
            if fenced:
                await job_recovery.requeue_lost_jobs(
                    self._settings, self._storage, database, self._worker.id, self._generation
                )
        except _AWAY as error:
            log.warning("cannot requeue the worker's jobs, other workers will", action="give_up", error=str(error))
        finally:
            if self._database is not None:
                await self._database.close()


async def _end(*tasks: asyncio.Task[None]) -> None:
    """Cancel the tasks, and log the error of one that has failed."""
    for task in tasks:
        task.cancel()
    for task, result in zip(tasks, await asyncio.gather(*tasks, return_exceptions=True), strict=True):
        if isinstance(result, Exception):
            log.error("task failed", action="supervise", task=task.get_name(), error=repr(result))


def _address() -> str:
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "127.0.0.1"
