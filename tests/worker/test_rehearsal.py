"""The warm-up of an idle process leaves no state that a job could see."""

from __future__ import annotations

import linecache
import os
import sys
from pathlib import Path

from orvanta_platform.sandbox.rehearsal import rehearse
from orvanta_platform.worker.runtimes.bash import host as bash
from orvanta_platform.worker.runtimes.python import host as python


def traces() -> list[object]:
    descriptors = sorted(int(path.name) for path in Path("/proc/self/fd").iterdir() if path.exists())
    streams = [sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__]
    return [descriptors, dict(os.environ), [*sys.path], set(sys.modules), set(linecache.cache), *map(id, streams)]


def test_rehearsal_leaves_no_state() -> None:
    rehearse({"python3": python, "bash": bash})
    before = traces()
    rehearse({"python3": python, "bash": bash})
    assert traces() == before
    assert "script" not in sys.modules


def test_host_with_rehearsal_is_run() -> None:
    ran: list[str] = []

    class Host:
        def rehearse(self, job: object) -> None:
            ran.append(type(job).__name__)

    rehearse({"none": Host(), "bash": bash})
    assert ran == ["Job"]
