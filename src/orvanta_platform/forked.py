"""Processes forked from one that has loaded the code which both need: it is loaded once, and its memory is shared.

A process forks only before it has threads, an event loop and connections, none of which a fork may inherit. What
replaces a process that has ended is started by exec.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Collection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_ARGUMENTS = slice(45, 47)
"""Start and end of the arguments in memory, among the fields of /proc/<pid>/stat after the name of the program."""

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_libc = ctypes.CDLL(None)


class ForkedProcess:
    """A forked process, as far as a supervisor needs it, with the methods of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None if the process runs."""
        return self._wait(os.WNOHANG)

    def wait(self) -> int:
        """Wait until it has ended and return its exit code, or the negative number of the signal that ended it."""
        code = self._wait(0)
        assert code is not None
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process if it has not been waited for."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _wait(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode


def fork(
    work: Callable[[], int],
    title: str,
    *,
    keep: Collection[int] = (),
    end_with_parent: signal.Signals | None = None,
) -> ForkedProcess:
    """Run `work`, which returns an exit code, in a new process.

    It leads a session, and inherits no other file than the standard ones, of which the input is empty, and those in
    `keep`. Lists of processes show `title`, cut to the length of the present command line; spaces separate its words.
    The kernel sends it `end_with_parent` when the thread that forked it ends.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:

        def begin() -> int:
            if end_with_parent is not None:
                die_with(parent, end_with_parent)
            os.setsid()
            _close_files(keep)
            _set_title(title)
            return work()

        _run(begin)
    return ForkedProcess(pid)


def die_with(parent: int, number: signal.Signals) -> None:
    """Ask the kernel to send this process a signal when the thread that started it ends; exit if `parent` has ended."""
    _libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def forbid_dumps() -> None:
    """Do what `sandbox.harden` does, in a process that must load little."""
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _run(work: Callable[[], int]) -> NoReturn:
    """Run `work` and exit. The callers of `fork` must not go on in this process, whatever happens."""
    code = 1
    try:
        code = work()
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _close_files(keep: Collection[int]) -> None:
    """Close the files that the parent has opened, and replace the standard input."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    first = 3
    for handle in sorted(keep):
        os.closerange(first, handle)
        first = handle + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def _set_title(title: str) -> None:
    """Replace the arguments in the memory of this process, from which /proc/<pid>/cmdline is read."""
    with open("/proc/self/stat") as file:
        start, end = map(int, file.read().rpartition(")")[2].split()[_ARGUMENTS])
    words = title.replace(" ", "\0").encode() + b"\0"
    ctypes.memmove(start, words[: end - start].ljust(end - start, b"\0"), end - start)
