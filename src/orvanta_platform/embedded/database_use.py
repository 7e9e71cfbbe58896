"""Use of the embedded PostgreSQL by a process, which ends with the process. Imports little: `supervision` needs it."""

from __future__ import annotations

import fcntl
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager

START_LOCK = "start.lock"


class DatabaseUse:
    """Shared lock on a running server, and a handle of its keeper."""

    def __init__(self, root: str, keeper_pid: int, lock: int, keeper_handle: int | None = None) -> None:
        self.root = root
        self.keeper_pid = keeper_pid
        self.lock = lock
        """Number of the locked file, which an exec may pass on; -1 after `close`."""
        self.keeper_handle = os.pidfd_open(keeper_pid) if keeper_handle is None else keeper_handle
        """A pidfd of the keeper, readable when it has ended. An exec may pass it on: the pid may have another owner."""

    @property
    def handles(self) -> tuple[int, int]:
        """Return the files that an exec passes on."""
        return self.lock, self.keeper_handle

    def state(self) -> dict[str, str | int]:
        """Return the arguments of the constructor after an exec of this process."""
        lock, handle = self.handles
        return {"root": self.root, "keeper_pid": self.keeper_pid, "lock": lock, "keeper_handle": handle}

    def alive(self) -> bool:
        """Return whether the keeper runs."""
        return not select.select([self.keeper_handle], [], [], 0)[0]

    def close(self) -> None:
        """Stop using the server. The last user waits until it has shut down."""
        if self.lock < 0:
            return
        lock, self.lock = self.lock, -1
        with locked(os.path.join(self.root, START_LOCK)):
            last = _is_last_user(lock)
            os.close(lock)
            if last:
                select.select([self.keeper_handle], [], [])
        os.close(self.keeper_handle)
        _reap(self.keeper_pid)


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold an exclusive lock on a file while the block is active. Raises PermissionError."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _is_last_user(lock: int) -> bool:
    """Return whether no other process uses the server; none can join while the start lock is held."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # Either others use the server, or the keeper is already stopping.
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
    return True


def _reap(pid: int) -> None:
    """Reap the keeper if it was a child of this process and has ended."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
