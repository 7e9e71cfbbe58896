"""The first process of a worker, forked from its supervisor before that starts an event loop.

Both need the same code, which is then loaded once and shares its memory. A process that replaces one that has ended is
started by exec: by then the supervisor has threads and connections, which a fork must not inherit.
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

_TITLE = b"orvanta_platform.cli.main\0worker-process\0"
"""Command line of the process in the list of processes, as that of one that was started by exec."""

_ARGUMENTS = slice(45, 47)
"""Start and end of the arguments in memory, among the fields of /proc/<pid>/stat after the name of the program."""


class ForkedProcess:
    """A forked process, as far as a supervisor needs it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def wait(self) -> int:
        """Wait until it has ended and return its exit code, or the negative number of the signal that ended it."""
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def fork(work: Callable[[int], int]) -> tuple[ForkedProcess, socket.socket]:
    """Run `work` in a process with its own session, and return it with this end of a socket pair.

    `work` receives the number of the other end and returns the exit code. The process inherits no other file than the
    standard ones.
    """
    own_end, child_end = socket.socketpair()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _run(work, child_end.fileno())
    child_end.close()
    return ForkedProcess(pid), own_end


def _run(work: Callable[[int], int], control: int) -> NoReturn:
    """Run `work` and exit. The callers of the supervisor must not go on in this process, whatever happens."""
    code = 1
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.closerange(3, control)
        os.closerange(control + 1, os.sysconf("SC_OPEN_MAX"))
        _set_title()
        code = work(control)
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _set_title() -> None:
    """Replace the arguments in the memory of this process, from which /proc/<pid>/cmdline is read."""
    start, end = map(int, Path("/proc/self/stat").read_text().rpartition(")")[2].split()[_ARGUMENTS])
    ctypes.memmove(start, _TITLE[: end - start].ljust(end - start, b"\0"), end - start)
