"""Process tree of one cell: listing, measuring, killing. Standard library only."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass

_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024

_EMPTY_SCANS = 3
_MAX_SCANS = 1000


@dataclass(frozen=True, slots=True)
class Usage:
    """Resource usage of a tree: number of processes and anonymous memory in KiB."""

    processes: int
    memory_kb: int


def _all() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def count_of_user(uid: int) -> int:
    """Return the number of processes of this machine that run as `uid`."""
    count = 0
    for pid in _all():
        with contextlib.suppress(OSError):
            count += os.stat(f"/proc/{pid}").st_uid == uid
    return count


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
    except OSError:
        return found
    return found


def descendants(root: int) -> list[int]:
    """Return every process below `root` that /proc currently shows."""
    found: list[int] = []
    todo = [root]
    while todo:
        below = _children(todo.pop())
        found += below
        todo += below
    return found


def members(own_namespace: bool) -> list[int]:
    """Return the processes of the cell, except its first process, which is the caller."""
    own = os.getpid()
    return [pid for pid in _all() if pid != own] if own_namespace else descendants(own)


def measure(pids: list[int]) -> Usage:
    """Return the total usage of `pids`; those that have exited meanwhile count as zero."""
    count = pages = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/statm", "rb") as file:
                _, resident, shared, *_ = file.read().split()
        except OSError:
            continue
        count += 1
        pages += int(resident) - int(shared)
    return Usage(count, pages * _PAGE_KB)


def kill_below(root: int) -> None:
    """Kill every process below `root`, repeatedly until none is left, so that concurrent forks are caught too.

    `root` must adopt orphans (PR_SET_CHILD_SUBREAPER); otherwise a grandchild could leave the tree unnoticed. A process
    that is just being adopted can be missed by one scan, so several consecutive scans must find nothing.
    """
    empty = 0
    for _ in range(_MAX_SCANS):
        running = [pid for pid in descendants(root) if not _ended(pid)]
        empty = 0 if running else empty + 1
        if empty == _EMPTY_SCANS:
            return
        for pid in running:
            _signal(pid, signal.SIGSTOP)
        for pid in running:
            _signal(pid, signal.SIGKILL)


def kill_tree(root: int) -> None:
    """Kill `root` and everything below it, from outside."""
    _signal(root, signal.SIGSTOP)
    kill_below(root)
    _signal(root, signal.SIGKILL)


def _ended(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except OSError:
        return True


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return
