"""`orvanta up`: database, migrations, server and worker under one supervisor."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from orvanta_platform import __version__, clock
from orvanta_platform import settings as settings_module
from orvanta_platform.embedded import cluster, local, postgres
from orvanta_platform.embedded.child_processes import ChildProcess
from orvanta_platform.embedded.port import check_port
from orvanta_platform.embedded.postgres import EmbeddedPostgres
from orvanta_platform.embedded.progress import Progress, progress
from orvanta_platform.embedded.server_process import ServerProcess, SetupResult, StartFailed
from orvanta_platform.errors import OrvantaError, SettingsError
from orvanta_platform.settings import Settings

_READY_PATIENCE_S = 60.0
_GRACE_S = 10.0
"""Seconds for running jobs to finish after a stop request; then they are requeued."""

_END_S = 15.0
"""Seconds for the processes to exit after that, before they are killed."""

_MAX_LINE = 200
_RESEND_S = 0.5
_POLL_S = 0.05
_CHECK_S = 10.0
"""Seconds between checks of the processes. The exit of one ends the pause."""


class AlreadyRunning(OrvantaError):
    """Another `orvanta up` uses the same home."""

    code = "already_running"


def up(settings: Settings, console: Console) -> int:
    """Run the platform until SIGINT or SIGTERM and return the exit code.

    Raises AlreadyRunning, PortTaken, StartFailed, and the errors of starting and setting up the database.
    """
    with _locked_home(settings.home), _stop_requests() as stop, progress(console) as display:
        check_port(settings)
        server, worker = ServerProcess(), ChildProcess("worker")
        with _loaded([server, worker]) as parts:
            database = None
            if settings.database_url is None:
                database = postgres.start(settings.home, progress=display.start)
                settings = settings_module.with_database(settings, database.app_url, database.owner_url)
            supervisor = Supervisor(settings, parts, database, stop, display)
            try:
                first = supervisor.set_up(server, worker)
                local.write(settings)
                supervisor.run(lambda: _print_address(console, settings, first))
            finally:
                supervisor.stop_database()
    return 0


class StopRequests:
    """Counter of SIGINT and SIGTERM. `handle` is readable after a signal."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self.count = 0

    def wait(self, handles: list[int], seconds: float | None) -> None:
        """Wait until a signal arrives, one of the handles is readable or the time is over."""
        ready, _, _ = select.select([self.handle, *handles], [], [], seconds)
        if self.handle in ready:
            os.read(self.handle, 64)


class Supervisor:
    """Supervisor of the server, the worker and the keeper of the embedded database."""

    def __init__(
        self,
        settings: Settings,
        parts: list[ChildProcess],
        database: EmbeddedPostgres | None,
        stop: StopRequests,
        display: Progress,
    ) -> None:
        self._parts = parts
        self._secrets = settings_module.secrets(settings)
        self._settings = settings
        self._database = database
        self._stop = stop
        self._display = display

    def set_up(self, server: ServerProcess, worker: ChildProcess) -> SetupResult:
        """Start the processes: the server sets up the database, and the worker begins when the tables are up to date.

        Raises StartFailed, and the errors of the set-up.
        """
        try:
            self._display.start("Setting up the database")
            server.start(self._secrets)
            server.await_schema()
            # Jobs start only now, when none of them can take the port of the server.
            worker.start(self._secrets)
            return server.await_setup()
        except BaseException:
            self._kill()
            raise

    def run(self, greet: Callable[[], None]) -> None:
        """Call `greet` when the server responds, restart processes that exit, and stop all of them at the end."""
        try:
            self._display.start("Starting server and worker")
            if self._await_ready():
                self._display.end()
                greet()
            while not self._stop.count:
                self._supervise()
            self._display.start(f"Stopping: running jobs have {_GRACE_S:.0f} s to finish")
            self._drain()
        finally:
            self._kill()

    def _kill(self) -> None:
        for part in self._parts:
            part.kill()

    def stop_database(self) -> None:
        """Stop using the embedded database, which shuts down if no other process uses it."""
        if self._database is not None:
            self._display.start("Stopping the database")
            self._database.close()

    def _await_ready(self) -> bool:
        """Wait until the server responds. Returns False if a stop was requested before."""
        deadline = clock.monotonic() + _READY_PATIENCE_S
        while not self._stop.count:
            for part in self._parts:
                code = part.poll()
                if code is not None:
                    raise StartFailed(
                        f"The {part.command} exited with {code} before it was ready.",
                        hint="Its last lines above have the reason; `orvanta doctor` checks the installation.",
                    )
            if _healthy(self._settings):
                return True
            if clock.monotonic() > deadline:
                raise StartFailed(
                    f"The server did not respond within {_READY_PATIENCE_S:.0f} s.",
                    hint="Its lines above have the reason; `orvanta doctor` checks the installation.",
                )
            self._stop.wait([], _POLL_S)
        return False

    def _supervise(self) -> None:
        """Wait for a process to exit, and restart those that are due."""
        waits = [part.due_s for part in self._parts if part.pid is None]
        self._stop.wait(self._keeper_handles(), min(waits, default=_CHECK_S))
        if self._stop.count:
            return
        for part in self._parts:
            code = part.poll()
            if code is not None:
                _print(f"The {part.command} exited with {code}; restarting it.")
            if part.pid is None and part.due_s == 0.0:
                part.start(self._secrets)
        if self._database is not None and not self._database.alive():
            _print("The keeper of the embedded database exited; restarting it.")
            ended, self._database = self._database, postgres.start(self._database.home)
            ended.close()

    def _keeper_handles(self) -> list[int]:
        return [self._database.keeper_handle] if self._database is not None else []

    def _drain(self) -> None:
        """Let jobs finish, then let the worker requeue them. Each further stop request ends one of the waits.

        The second signal is repeated: if it arrives before the first one is handled, the kernel delivers only one.
        """
        for stops, seconds in ((1, _GRACE_S), (2, _END_S)):
            started, sent = clock.monotonic(), 0
            while any(part.pid is not None for part in self._parts):
                waited = clock.monotonic() - started
                if sent == 0 or (stops > 1 and waited > sent * _RESEND_S):
                    sent += 1
                    for part in self._parts:
                        part.signal(signal.SIGTERM)
                for part in self._parts:
                    part.poll()
                if waited > seconds or self._stop.count > stops:
                    break
                self._stop.wait([], _POLL_S)


@contextmanager
def _loaded(parts: list[ChildProcess]) -> Iterator[list[ChildProcess]]:
    """Yield the processes, which load their code while the database starts.

    They are killed at the end, also if the database does not start.
    """
    try:
        for part in parts:
            part.load()
        yield parts
    finally:
        for part in parts:
            part.kill()


def _healthy(settings: Settings) -> bool:
    """Return whether the health check of the server returns 200.

    Written by hand: `http.client` and its dependencies would take 4 MiB as long as the platform runs.
    """
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    name = f"[{host}]" if ":" in host else host
    request = f"GET /api/health/status HTTP/1.1\r\nHost: {name}:{settings.port}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection((host, settings.port), timeout=5) as connection:
            connection.sendall(request.encode())
            with connection.makefile("rb") as answer:
                return answer.readline(_MAX_LINE).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


@contextmanager
def _locked_home(home: Path) -> Iterator[None]:
    """Lock the home for this `orvanta up`."""
    cluster.make_home(home)
    path = home / "up.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(
            f"The folder {home} cannot be used: {error.strerror}.",
            hint="Set ORVANTA_HOME to a folder that this user can write to.",
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"Orvanta already runs in {home} (process {os.pread(handle, 32, 0).decode().strip()}).",
                hint="Use it, stop it with Ctrl-C, or set another ORVANTA_HOME and ORVANTA_PORT.",
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, b"%d\n" % os.getpid())
        yield
    finally:
        os.close(handle)


@contextmanager
def _stop_requests() -> Iterator[StopRequests]:
    """Count SIGINT and SIGTERM, and wake waiting code at each signal, including the exit of a child."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    requests = StopRequests(read)

    def count(number: int, frame: object) -> None:
        requests.count += number != signal.SIGCHLD

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
    before = {number: signal.signal(number, count) for number in numbers}
    wakeup = signal.set_wakeup_fd(write)
    try:
        yield requests
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)


def _print_address(console: Console, settings: Settings, first: SetupResult) -> None:
    log_in = f"as {settings.admin_email}"
    if first.link is not None:
        log_in = f"open {first.link} once, within 15 minutes, and choose a password for {settings.admin_email}"
    lines = [
        f"Orvanta {__version__} is ready at {settings.base_url}",
        f"  Log in  {log_in}",
        f"  Next    run the workflow f/examples/order_receipt; {settings.base_url}/docs has the first lesson",
        "  Stop    Ctrl-C",
    ]
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def _print(text: str) -> None:
    Console(stderr=True).print(text, highlight=False, markup=False)
