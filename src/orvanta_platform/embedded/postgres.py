"""Client side of the embedded PostgreSQL: `start(home)` returns its addresses.

Any number of processes can use the server of one home concurrently. The first one starts it, and the end of the last
one stops it, even after a kill -9.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from orvanta_platform.embedded import cluster, keeper
from orvanta_platform.embedded.binaries import EmbeddedDatabaseError
from orvanta_platform.embedded.cluster import Cluster
from orvanta_platform.embedded.database_use import START_LOCK, DatabaseUse, locked

_KEEPER = """
import sys

name, package, *arguments = sys.argv[1:]
sys.path.append(package)
from orvanta_platform.embedded import keeper

sys.exit(keeper.main(arguments))
"""
"""Program of the keeper, which loads no installed packages. Lists of processes show its name."""


def start(
    home: Path,
    *,
    programs: Path | None = None,
    options: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> EmbeddedPostgres:
    """Use the embedded PostgreSQL of `home`, which is created and started if necessary.

    `programs` is a folder with `postgres` and `initdb` (default: those of the wheel, otherwise of the system),
    `options` are settings for a server that this call starts, and `progress` is called for long operations. Raises
    EmbeddedDatabaseError.
    """
    home = home.absolute()
    root = cluster.make_root(home)
    os.close(_open(root / START_LOCK))
    with locked(str(root / START_LOCK)):
        use = _open(root / keeper.USE_LOCK)
        try:
            fcntl.flock(use, fcntl.LOCK_SH)
            pid = _keeper(root)
            if pid is None:
                prepared = cluster.prepare(home, programs, progress)
                progress("Starting the embedded PostgreSQL")
                pid = _start_keeper(prepared, options or {})
            else:
                prepared = cluster.existing(home)
            return EmbeddedPostgres(prepared, DatabaseUse(str(root), pid, use))
        except BaseException:
            os.close(use)
            raise


class EmbeddedPostgres:
    """Running server, in use by this process until `close()` or the end of the process."""

    def __init__(self, prepared: Cluster, use: DatabaseUse) -> None:
        self.home = prepared.home
        self.owner_url = prepared.url("owner")
        self.app_url = prepared.url("app")
        self.socket = prepared.socket
        self.use = use
        self._cluster = prepared

    @property
    def keeper_pid(self) -> int:
        """Process id of the keeper."""
        return self.use.keeper_pid

    @property
    def pid(self) -> int | None:
        """Process id of the server; changes after a crash, None during a restart."""
        return keeper.running_server(self._cluster.data)

    def url(self, role: cluster.Role, database: str) -> str:
        """Return the address of another database on this server."""
        return self._cluster.url(role, database)

    def alive(self) -> bool:
        """Return whether the keeper runs; if not, call `start` again."""
        return self.use.alive()

    def close(self) -> None:
        """Stop using the server. The last user waits until it has shut down."""
        self.use.close()

    def __enter__(self) -> EmbeddedPostgres:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _keeper(root: Path) -> int | None:
    """Return the process id of the keeper, or None. Waits for a keeper that is about to end."""
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


def _start_keeper(prepared: Cluster, options: Mapping[str, str]) -> int:
    package = str(Path(__file__).parents[2])
    command = [
        sys.executable,
        "-P",
        "-S",
        "-c",
        _KEEPER,
        keeper.__name__,
        package,
        str(prepared.home),
        str(prepared.bin),
    ]
    inherited = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME")
    with (prepared.root / "keeper.log").open("wb") as errors:
        process = subprocess.Popen(
            [*command, *(f"{name}={value}" for name, value in options.items())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd="/",
            env={name: os.environ[name] for name in inherited if name in os.environ},
            start_new_session=True,
            text=True,
        )
    assert process.stdout is not None
    with process.stdout:
        message = process.stdout.readline().strip()
    if message == keeper.READY:
        # The keeper outlives this object on purpose: it ends with its last user, which may be another process.
        process.returncode = 0
        return process.pid
    process.wait()
    raise EmbeddedDatabaseError(
        message or "The embedded PostgreSQL did not start.", hint=f"Its messages are in {prepared.root}."
    )


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError:
        raise EmbeddedDatabaseError(
            f"The embedded PostgreSQL in {path.parent} belongs to another user.",
            hint="Run as that user, or set another ORVANTA_HOME.",
        ) from None
