"""Supervision of the processes that `orvanta up` has started.

`orvanta up` loads much to set up an installation, and then waits for days. It therefore replaces itself, by exec, with
an interpreter that loads this module only: the process id, the child processes, the locks and the terminal remain.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from orvanta_platform import forked
from orvanta_platform.embedded.child_processes import ChildProcess
from orvanta_platform.embedded.database_use import DatabaseUse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
POLL_S = 0.05

_GRACE_S = 10.0
"""Seconds for running jobs to finish after a stop request; then they are requeued."""

_END_S = 15.0
"""Seconds for the processes to exit after that, before they are killed."""

_RESEND_S = 0.5
_CHECK_S = 10.0
"""Seconds between checks of the processes, which the exit of one ends, and before a failed restart of the database is
repeated.
"""

_PROGRAM = """
import sys

sys.path.append(sys.argv[4])
from orvanta_platform.embedded import supervision

sys.exit(supervision.main(int(sys.argv[3])))
"""


class StopRequests:
    """Counter of SIGINT and SIGTERM. `handle` is readable after a signal."""

    def __init__(self, handle: int, count: int = 0) -> None:
        self.handle = handle
        self.count = count

    def wait(self, handles: list[int], seconds: float | None) -> None:
        """Wait until a signal arrives, one of the handles is readable or the time is over."""
        ready, _, _ = select.select([self.handle, *handles], [], [], seconds)
        if self.handle in ready:
            os.read(self.handle, 64)


@contextmanager
def stop_requests(count: int = 0) -> Iterator[StopRequests]:
    """Count SIGINT and SIGTERM, and wake waiting code at each signal, including the exit of a child."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    requests = StopRequests(read, count)

    def receive(number: int, frame: object) -> None:
        requests.count += number != signal.SIGCHLD

    before = {number: signal.signal(number, receive) for number in SIGNALS}
    wakeup = signal.set_wakeup_fd(write)
    try:
        yield requests
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)


def take_over(
    parts: list[ChildProcess],
    secrets: Mapping[str, str],
    *,
    database: DatabaseUse | None,
    home: str,
    lock: int,
    stops: int,
) -> NoReturn:
    """Replace this process with one that supervises its child processes until it is stopped.

    `home` is the home of the database, `lock` the locked file of the installation, which the new process holds on, and
    `stops` the number of stop requests so far. Blocked signals reach the new process.
    """
    state = {
        "parts": [part.state() for part in parts],
        "secrets": dict(secrets),
        "lock": lock,
        "database": database and database.state(),
        "home": home,
        "stops": stops,
        "path": sys.path,
    }
    handle = os.memfd_create("state", 0)
    os.write(handle, json.dumps(state).encode())
    os.lseek(handle, 0, os.SEEK_SET)
    for inherited in (handle, lock, *(database.handles if database else ())):
        os.set_inheritable(inherited, True)
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    options = ["-P", "-S", "-X", "utf8", "-c", _PROGRAM]
    os.execv(sys.executable, [sys.executable, *options, "orvanta_platform.cli.main", "up", str(handle), package])


def main(handle: int) -> int:
    """Supervise the processes of the state in the file `handle` until stopped, and return the exit code."""
    forked.forbid_dumps()
    with os.fdopen(handle) as file:
        state = json.load(file)
    sys.path[:] = state["path"]
    os.set_inheritable(state["lock"], False)
    with stop_requests(state["stops"]) as stop:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        return Supervisor(state, stop).run()


class Supervisor:
    """Supervisor of the server, the worker and the keeper of the embedded database."""

    def __init__(self, state: Mapping[str, Any], stop: StopRequests) -> None:
        self._parts = [ChildProcess.resumed(each) for each in state["parts"]]
        self._secrets: Mapping[str, str] = state["secrets"]
        self._database = DatabaseUse(**state["database"]) if state["database"] else None
        for handle in self._database.handles if self._database else ():
            os.set_inheritable(handle, False)
        self._database_due: float | None = None
        """Time of the next attempt to restart the database, after one that failed."""
        self._home: str = state["home"]
        self._stop = stop

    def run(self) -> int:
        """Restart processes that exit until stopped, then stop all of them."""
        try:
            try:
                while not self._stop.count:
                    self._restart_ended()
                    self._wait()
                _say(1, f"Stopping: running jobs have {_GRACE_S:.0f} s to finish")
                self._drain()
            finally:
                for part in self._parts:
                    part.kill()
        finally:
            if self._database is not None:
                _say(1, "Stopping the database")
                self._database.close()
        return 0

    def _restart_ended(self) -> None:
        """Restart the processes that have exited and are due."""
        for part in self._parts:
            code = part.poll()
            if code is not None:
                _say(2, f"The {part.command} exited with {code}; restarting it.")
            if part.pid is None and part.due_s == 0.0:
                try:
                    part.start(self._secrets)
                except Exception as error:
                    part.postpone()
                    _say(2, f"The {part.command} did not start: {_reason(error)}")
        if self._database is not None and not self._database.alive():
            self._restart_database()

    def _restart_database(self) -> None:
        assert self._database is not None
        if self._database_due is None:
            _say(2, "The keeper of the embedded database exited; restarting it.")
        elif time.monotonic() < self._database_due:
            return
        try:
            restarted = self._restarted()
        except Exception as error:  # of a program that is being replaced as well
            self._database_due = time.monotonic() + _CHECK_S
            _say(2, f"The database did not start: {_reason(error)} Trying again in {_CHECK_S:.0f} s.")
            return
        ended, self._database, self._database_due = self._database, restarted, None
        ended.close()

    def _wait(self) -> None:
        """Wait for the exit of a process, a stop request, or the next restart."""
        waits = [_CHECK_S, *(part.due_s for part in self._parts if part.pid is None)]
        keeper = []
        if self._database_due is not None:
            waits.append(max(0.0, self._database_due - time.monotonic()))
        elif self._database is not None:
            keeper.append(self._database.keeper_handle)
        self._stop.wait(keeper, min(waits))

    def _restarted(self) -> DatabaseUse:
        from pathlib import Path

        from orvanta_platform.embedded import postgres

        return postgres.start(Path(self._home)).use

    def _drain(self) -> None:
        """Let jobs finish, then let the worker requeue them. Each further stop request ends one of the waits.

        The second signal is repeated: if it arrives before the first one is handled, the kernel delivers only one.
        """
        for stops, seconds in ((1, _GRACE_S), (2, _END_S)):
            started, sent = time.monotonic(), 0
            while any(part.pid is not None for part in self._parts):
                waited = time.monotonic() - started
                if sent == 0 or (stops > 1 and waited > sent * _RESEND_S):
                    sent += 1
                    for part in self._parts:
                        part.signal(signal.SIGTERM)
                for part in self._parts:
                    part.poll()
                if waited > seconds or self._stop.count > stops:
                    break
                self._stop.wait([], POLL_S)


def _reason(error: Exception) -> str:
    """Return the message and the hint of an error, each a sentence."""
    hint = getattr(error, "hint", None)
    return f"{error} {hint}" if hint else f"{error}".rstrip(".") + "."


def _say(stream: int, text: str) -> None:
    """Write a line to the standard output (1) or error (2), which may be closed: the platform runs on."""
    with suppress(OSError):
        os.write(stream, f"{text}\n".encode())
