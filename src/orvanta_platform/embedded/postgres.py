"""The embedded PostgreSQL, as those who use it see it: `start(home)` gives its addresses.

Any number of processes may use the server of one home at a time. The first starts it, the last one's end
stops it, also when that was a kill -9.
"""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from orvanta_platform.embedded import cluster, keeper
from orvanta_platform.embedded.binaries import EmbeddedDatabaseError
from orvanta_platform.embedded.cluster import Cluster

_START_LOCK = "start.lock"


def start(
    home: Path,
    *,
    programs: Path | None = None,
    options: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> EmbeddedPostgres:
    """Use the embedded PostgreSQL of `home`; made and started where it is not.

    `programs` names a folder with `postgres` and `initdb` (default: the wheel's, else the system's),
    `options` settings for a server that this call starts, `progress` hears of long steps.
    Raises EmbeddedDatabaseError.
    """
    home = home.absolute()
    root = cluster.make_root(home)
    with _locked(root / _START_LOCK):
        use = _open(root / keeper.USE_LOCK)
        try:
            fcntl.flock(use, fcntl.LOCK_SH)
            pid = _keeper(root)
            if pid is None:
                made = cluster.prepare(home, programs, progress)
                progress("Starting the embedded PostgreSQL")
                pid = _start_keeper(made, options or {})
            else:
                made = cluster.existing(home)
            return EmbeddedPostgres(made, pid, use)
        except BaseException:
            os.close(use)
            raise


class EmbeddedPostgres:
    """A running server in use by this process until `close()` or the end of the process."""

    def __init__(self, made: Cluster, keeper_pid: int, use: int) -> None:
        self.home = made.home
        self.owner_url = made.url("owner")
        self.app_url = made.url("app")
        self.socket = made.socket
        self.keeper_pid = keeper_pid
        self._cluster = made
        self._use = use
        self._keeper = os.pidfd_open(keeper_pid)

    @property
    def pid(self) -> int | None:
        """The server's process; another one after a crash, None while it is starting again."""
        return keeper.running_server(self._cluster.data)

    @property
    def keeper_handle(self) -> int:
        """A pidfd of the keeper: readable when it has ended."""
        return self._keeper

    def url(self, role: cluster.Role, database: str) -> str:
        """The address of another database on this server."""
        return self._cluster.url(role, database)

    def alive(self) -> bool:
        """Whether the keeper runs; where it does not, `start` anew."""
        return not select.select([self._keeper], [], [], 0)[0]

    def close(self) -> None:
        """Use it no more. The last user waits until the server has shut down."""
        if self._use < 0:
            return
        use, self._use = self._use, -1
        with _locked(self._cluster.root / _START_LOCK):
            last = self._last(use)
            os.close(use)
            if last:
                select.select([self._keeper], [], [])
        os.close(self._keeper)
        _reap(self.keeper_pid)

    @staticmethod
    def _last(use: int) -> bool:
        """Whether nobody else uses the server; while the start lock is held nobody joins."""
        try:
            fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Either others use it, or the keeper was quicker than we and is stopping already.
            try:
                fcntl.flock(use, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False
        return True

    def __enter__(self) -> EmbeddedPostgres:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _keeper(root: Path) -> int | None:
    """The process that keeps the server, None where there is none; one that is about to end is waited for."""
    handle = _open(root / keeper.KEEPER_LOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        number = os.pread(handle, 32, 0)
        if number:
            return int(number)
        fcntl.flock(handle, fcntl.LOCK_EX)
    finally:
        os.close(handle)
    return None


def _start_keeper(made: Cluster, options: Mapping[str, str]) -> int:
    command = [sys.executable, "-P", "-m", keeper.__name__, str(made.home), str(made.bin)]
    kept = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME")
    with (made.root / "keeper.log").open("wb") as errors:
        process = subprocess.Popen(
            [*command, *(f"{name}={value}" for name, value in options.items())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd="/",
            env={name: os.environ[name] for name in kept if name in os.environ},
            start_new_session=True,
            text=True,
        )
    assert process.stdout is not None
    with process.stdout:
        told = process.stdout.readline().strip()
    if told == keeper.READY:
        # It outlives this object on purpose: it ends with its last user, who may be another process.
        process.returncode = 0
        return process.pid
    process.wait()
    raise EmbeddedDatabaseError(
        told or "The embedded PostgreSQL did not start.", hint=f"Its messages are in {made.root}."
    )


def _reap(pid: int) -> None:
    """Forget the keeper where it was our child and has ended."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = _open(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError:
        raise EmbeddedDatabaseError(
            f"The embedded PostgreSQL in {path.parent} belongs to another user.",
            hint="Run as that user, or set another ORVANTA_HOME.",
        ) from None
