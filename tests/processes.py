"""Processes of this machine, read from /proc; one that has ended has no children, name or command line."""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def with_parent(signal_number: int) -> Callable[[], None]:
    """Return a `preexec_fn` that makes a process receive this signal when its parent ends.

    A server would outlive a test run that is killed.
    """
    return lambda: _libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def with_interrupts() -> None:
    """Restore the effect of SIGINT; a `preexec_fn`. A shell ignores it in programs that it runs in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def children(pid: int | None) -> list[int]:
    """Return the processes that the main thread of `pid` started, oldest first."""
    return [int(word) for word in _read(f"/proc/{pid}/task/{pid}/children").split()]


def descendants(pid: int) -> list[int]:
    """Return `pid` and all its descendants, in all sessions and namespaces."""
    found = [pid]
    for each in found:
        found += children(each)
    return found


def name(pid: int) -> str:
    """Return the name set by `prctl(PR_SET_NAME)`, otherwise that of the program."""
    return _read(f"/proc/{pid}/comm").strip()


def arguments(pid: int) -> list[str]:
    """Return the arguments of the command line, with the program first."""
    return _read(f"/proc/{pid}/cmdline").split("\0")[:-1]


def environment(pid: int) -> list[str]:
    """Return `NAME=value` for each variable of the initial environment, or nothing without permission to read it."""
    return _read(f"/proc/{pid}/environ").split("\0")[:-1]


def parent(pid: int) -> int:
    """Return the parent of a process, 0 if it has ended."""
    return int(_status(pid)[1])


def is_running(pid: int) -> bool:
    """Return whether a process exists and is no zombie."""
    return _status(pid)[0] not in ("Z", "X")


def open_files(pid: int) -> list[str]:
    """Return the targets of the process's descriptors, such as `socket:[4711]`."""
    found = []
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found.append(str(descriptor.readlink()))
    return found


def _status(pid: int) -> list[str]:
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split() or ["X", "0"]


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
