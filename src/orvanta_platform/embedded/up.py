"""`orvanta up`: database, migrations, server and worker under one supervisor."""

from __future__ import annotations

import fcntl
import http.client
import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console

from orvanta_platform import __version__, clock
from orvanta_platform import settings as settings_module
from orvanta_platform.embedded import cluster, local, postgres
from orvanta_platform.embedded.parts import Part
from orvanta_platform.embedded.port import check_port
from orvanta_platform.embedded.postgres import EmbeddedPostgres
from orvanta_platform.embedded.preparation import Preparation, Prepared, StartFailed
from orvanta_platform.embedded.progress import Progress, progress
from orvanta_platform.errors import OrvantaError, SettingsError
from orvanta_platform.settings import Settings

_READY_PATIENCE_S = 60.0
_GRACE_S = 10.0
"""Time for running jobs to end after a stop was requested; then they go back to the queue."""

_END_S = 15.0
"""Time for the processes to end after that, before they are killed."""

_RESEND_S = 0.5
_LOOK_S = 0.05


class AlreadyRunning(OrvantaError):
    """Another `orvanta up` uses the same home."""

    code = "already_running"


def up(settings: Settings, console: Console) -> int:
    """Run the platform until SIGINT or SIGTERM; gives the exit code.

    Raises AlreadyRunning, PortTaken, StartFailed and what the database's first steps raise.
    """
    with _only_one(settings.home), _stop_requests() as stop, progress(console) as shown:
        check_port(settings)
        with closing(Preparation()) as preparation:
            database = None
            if settings.database_url is None:
                database = postgres.start(settings.home, progress=shown.step)
                settings = settings_module.with_database(settings, database.app_url, database.owner_url)
            supervisor = Supervisor(settings, database, stop, shown)
            try:
                shown.step("Preparing the database")
                first = preparation.run(settings)
                local.write(settings)
                supervisor.run(lambda: _greet(console, settings, first))
            finally:
                supervisor.stop_database()
    return 0


class StopRequests:
    """What SIGINT and SIGTERM asked for: `count` times a stop. `handle` is readable after a signal."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self.count = 0

    def wait(self, handles: list[int], seconds: float | None) -> None:
        """Until a signal comes, one of the handles is readable or the time is over."""
        ready, _, _ = select.select([self.handle, *handles], [], [], seconds)
        if self.handle in ready:
            os.read(self.handle, 64)


class Supervisor:
    """Keeps server, worker and the embedded database's keeper running."""

    def __init__(
        self, settings: Settings, database: EmbeddedPostgres | None, stop: StopRequests, shown: Progress
    ) -> None:
        secrets = settings_module.secrets(settings)
        self._parts = [Part("server", secrets), Part("worker", secrets)]
        self._settings = settings
        self._database = database
        self._stop = stop
        self._shown = shown

    def run(self, greet: Callable[[], None]) -> None:
        """Start the parts, greet once they answer, start again what dies, stop them all at the end."""
        try:
            self._shown.step("Starting server and worker")
            for part in self._parts:
                part.start()
            if self._await_ready():
                self._shown.end()
                greet()
            while not self._stop.count:
                self._look()
            self._shown.step(f"Stopping: running jobs have {_GRACE_S:.0f} s to end")
            self._drain()
        finally:
            for part in self._parts:
                part.kill()

    def stop_database(self) -> None:
        """Use the embedded database no more; it shuts down where nobody else uses it."""
        if self._database is not None:
            self._shown.step("Stopping the database")
            self._database.close()

    def _await_ready(self) -> bool:
        """Whether the server answers; False where a stop was asked for first."""
        deadline = clock.monotonic() + _READY_PATIENCE_S
        while not self._stop.count:
            for part in self._parts:
                code = part.ended()
                if code is not None:
                    raise StartFailed(
                        f"The {part.command} ended with {code} before it was ready.",
                        hint="Its last lines above say why; `orvanta doctor` looks at the rest.",
                    )
            if _healthy(self._settings):
                return True
            if clock.monotonic() > deadline:
                raise StartFailed(
                    f"The server did not answer within {_READY_PATIENCE_S:.0f} s.",
                    hint="Its lines above say why; `orvanta doctor` looks at the rest.",
                )
            self._stop.wait([], _LOOK_S)
        return False

    def _look(self) -> None:
        """Wait for something to end, and start again what is due."""
        waits = [part.due_s for part in self._parts if part.pid is None]
        self._stop.wait(self._keeper_handles(), min(waits, default=1.0))
        if self._stop.count:
            return
        for part in self._parts:
            code = part.ended()
            if code is not None:
                _say(f"The {part.command} ended with {code}; it is started again.")
            if part.pid is None and part.due_s == 0.0:
                part.start()
        if self._database is not None and not self._database.alive():
            _say("The embedded database's keeper ended; it is started again.")
            ended, self._database = self._database, postgres.start(self._database.home)
            ended.close()

    def _keeper_handles(self) -> list[int]:
        return [self._database.keeper_handle] if self._database is not None else []

    def _drain(self) -> None:
        """Let jobs end, then have the worker give them back; each further request to stop ends one of the waits.

        The second signal is repeated: if it arrives before the first one is handled, the kernel delivers only one.
        """
        for stops, seconds in ((1, _GRACE_S), (2, _END_S)):
            began, sent = clock.monotonic(), 0
            while any(part.pid is not None for part in self._parts):
                waited = clock.monotonic() - began
                if sent == 0 or (stops > 1 and waited > sent * _RESEND_S):
                    sent += 1
                    for part in self._parts:
                        part.signal(signal.SIGTERM)
                for part in self._parts:
                    part.ended()
                if waited > seconds or self._stop.count > stops:
                    break
                self._stop.wait([], _LOOK_S)


def _healthy(settings: Settings) -> bool:
    """Whether the server answers 200 to a look at its health."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    connection = http.client.HTTPConnection(host, settings.port, timeout=5)
    try:
        connection.request("GET", "/api/health/status")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    """Hold the home for this `orvanta up`."""
    cluster.make_home(home)
    path = home / "up.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(
            f"The folder {home} cannot be used: {error.strerror}.",
            hint="Set ORVANTA_HOME to a folder that this user may write.",
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"Orvanta already runs on {home} (process {os.pread(handle, 32, 0).decode().strip()}).",
                hint="Use it, stop it with Ctrl-C, or set another ORVANTA_HOME and ORVANTA_PORT.",
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, b"%d\n" % os.getpid())
        yield
    finally:
        os.close(handle)


@contextmanager
def _stop_requests() -> Iterator[StopRequests]:
    """Count SIGINT and SIGTERM, and wake the waiting at each signal, also at a child's end."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    requests = StopRequests(read)

    def asked(number: int, frame: object) -> None:
        requests.count += number != signal.SIGCHLD

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
    before = {number: signal.signal(number, asked) for number in numbers}
    wakeup = signal.set_wakeup_fd(write)
    try:
        yield requests
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)


def _greet(console: Console, settings: Settings, first: Prepared) -> None:
    lines = [f"Orvanta {__version__} is ready at {settings.base_url}"]
    if first.link is not None:
        lines.append(f"  Log in  open {first.link} once, within 15 minutes, and choose a password")
    else:
        lines.append(f"  Log in  as {settings.admin_email}")
    lines += [f"  Token   {first.token_file}", "  Stop    Ctrl-C"]
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def _say(text: str) -> None:
    Console(stderr=True).print(text, highlight=False, markup=False)
