"""The processes of one cell: found, measured, killed. Standard library only."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass

_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024

_QUIET_LOOKS = 3
_MOST_LOOKS = 1000


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tree uses: number of processes and anonymous memory in KiB."""

    processes: int
    memory_kb: int


def _all() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def count_of_user(uid: int) -> int:
    """How many processes of this machine run as `uid`."""
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
    """Every process below `root`, as /proc shows them now."""
    found: list[int] = []
    todo = [root]
    while todo:
        below = _children(todo.pop())
        found += below
        todo += below
    return found


def members(own_namespace: bool) -> list[int]:
    """The processes of the cell whose first process calls this, without that one."""
    here = os.getpid()
    return [pid for pid in _all() if pid != here] if own_namespace else descendants(here)


def measure(pids: list[int]) -> Usage:
    """What `pids` use together; those that have ended meanwhile count as nothing."""
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
    """Kill every process below `root`, again until none is left, so that a fork in between is caught too.

    `root` must adopt orphans (PR_SET_CHILD_SUBREAPER), else a grandchild could leave the tree unseen. One that is
    just being adopted can be missed by one look, hence more than one in a row must find nothing.
    """
    quiet = 0
    for _ in range(_MOST_LOOKS):
        living = [pid for pid in descendants(root) if not _ended(pid)]
        quiet = 0 if living else quiet + 1
        if quiet == _QUIET_LOOKS:
            return
        for pid in living:
            _signal(pid, signal.SIGSTOP)
        for pid in living:
            _signal(pid, signal.SIGKILL)


def kill_tree(root: int) -> None:
    """Kill `root` and everything below it, at once and from outside."""
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
