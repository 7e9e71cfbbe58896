"""Start of `orvanta up`: database, migrations, server and worker, which `supervision` then supervises."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from orvanta_platform import __version__, clock
from orvanta_platform import settings as settings_module
from orvanta_platform.embedded import cluster, local, postgres, supervision
from orvanta_platform.embedded.child_processes import ChildProcess
from orvanta_platform.embedded.port import check_port
from orvanta_platform.embedded.progress import Progress, progress
from orvanta_platform.embedded.server_process import ServerProcess, SetupResult, StartFailed
from orvanta_platform.embedded.supervision import POLL_S, SIGNALS, StopRequests, stop_requests
from orvanta_platform.errors import OrvantaError, SettingsError
from orvanta_platform.settings import Settings

_READY_TIMEOUT_S = 60.0
_MAX_LINE = 200


class AlreadyRunning(OrvantaError):
    """Another `orvanta up` uses the same home."""

    code = "already_running"


def up(settings: Settings, console: Console) -> NoReturn:
    """Start the platform. `supervision` then replaces this process, and runs it until SIGINT or SIGTERM.

    Raises AlreadyRunning, PortTaken, StartFailed, and the errors of starting and setting up the database.
    """
    with _locked_home(settings.home) as lock, stop_requests() as stop, progress(console) as display:
        check_port(settings)
        server, worker = ServerProcess(), ChildProcess("worker")
        with _loaded([server, worker]) as parts:
            database = None
            if settings.database_url is None:
                database = postgres.start(settings.home, progress=display.start)
                settings = settings_module.with_database(settings, database.app_url, database.owner_url)
            try:
                first = _set_up(settings, server, worker, display)
                local.write(settings)
                display.start("Starting server and worker")
                if _await_ready(settings, parts, stop):
                    display.end()
                    _print_address(console, settings, first)
                display.end()
                # From here on, signals wait for the new process.
                signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
                supervision.take_over(
                    parts,
                    settings_module.secrets(settings),
                    database=database.use if database is not None else None,
                    home=str(settings.home),
                    lock=lock,
                    stops=stop.count,
                )
            except BaseException:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
                for part in parts:
                    part.kill()
                if database is not None:
                    display.start("Stopping the database")
                    database.close()
                raise


def _set_up(settings: Settings, server: ServerProcess, worker: ChildProcess, display: Progress) -> SetupResult:
    """Start the processes: the server sets up the database, and the worker begins when the tables are up to date.

    Raises StartFailed, and the errors of the set-up.
    """
    secrets = settings_module.secrets(settings)
    display.start("Setting up the database")
    server.start(secrets)
    server.await_schema()
    # Jobs start only now, when none of them can take the port of the server.
    worker.start(secrets)
    return server.await_setup()


def _await_ready(settings: Settings, parts: list[ChildProcess], stop: StopRequests) -> bool:
    """Wait until the server responds. Returns False if a stop was requested before."""
    deadline = clock.monotonic() + _READY_TIMEOUT_S
    while not stop.count:
        for part in parts:
            code = part.poll()
            if code is not None:
                raise StartFailed(
                    f"The {part.command} exited with {code} before it was ready.",
                    hint="Its last lines above have the reason; `orvanta doctor` checks the installation.",
                )
        if _healthy(settings):
            return True
        if clock.monotonic() > deadline:
            raise StartFailed(
                f"The server did not respond within {_READY_TIMEOUT_S:.0f} s.",
                hint="Its lines above have the reason; `orvanta doctor` checks the installation.",
            )
        stop.wait([], POLL_S)
    return False


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
def _locked_home(home: Path) -> Iterator[int]:
    """Lock the home for this `orvanta up`; yield the number of the locked file."""
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
        yield handle
    finally:
        os.close(handle)


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
