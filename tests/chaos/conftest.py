"""Fixture of the chaos tests: a stage that leaves no process running."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from tests import processes
from tests.chaos.database import kill_and_wait
from tests.chaos.runs import FLOWS
from tests.chaos.stage import Stage
from tests.folders import make_folder

_PR_SET_CHILD_SUBREAPER = 36


def children() -> set[int]:
    """Return the child processes that have not been waited for."""
    found: set[int] = set()
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            found |= set(map(int, (thread / "children").read_text().split()))
    return found


@contextmanager
def leaving_nothing() -> Iterator[None]:
    """Fail the test if a process started inside the block, directly or indirectly, still runs at its end."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before = children()
    try:
        yield
        left = [describe(pid) for pid in children() - before if not ended(pid)]
        for pid in children() - before:
            kill_and_wait(pid)
            ended(pid)
        assert not left
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def ended(pid: int) -> bool:
    """Return True if a child has ended, and reap it."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def describe(pid: int) -> str:
    return f"{pid}: {' '.join(processes.arguments(pid))[:200]}"


@asynccontextmanager
async def open_stage(slots: int, times: dict[str, str]) -> AsyncIterator[Stage]:
    """Open a stage in a temporary folder, which is deleted afterwards."""
    home = make_folder("chaos")
    with leaving_nothing():
        stage = Stage(home, slots, times)
        try:
            await stage.open(FLOWS)
            yield stage
            report = stage.doctor()
            assert report.returncode == 0, report.stdout + report.stderr
        finally:
            await stage.close()
            shutil.rmtree(home)
