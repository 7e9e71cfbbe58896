"""Sampling profiler that starts with the interpreter if this folder is in PYTHONPATH.

SIGUSR2 starts it. The next SIGUSR2 stops it, and it writes its samples as JSON into the folder of BENCH_PROFILE. It
takes a sample every few milliseconds of CPU time of the process, as soon as the main thread runs Python code again: the
time of C code counts for the function that called it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from types import FrameType

_INTERVAL_S = 0.001
_FOLDER = os.environ.get("BENCH_PROFILE")

_own: Counter[str] = Counter()
_with_callees: Counter[str] = Counter()
_running = False


def _name(frame: FrameType) -> str:
    return f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_qualname}"


def _sample(_number: int, frame: FrameType | None) -> None:
    if frame is None:
        return
    _own[_name(frame)] += 1
    names = set()
    each: FrameType | None = frame
    while each is not None:
        names.add(_name(each))
        each = each.f_back
    _with_callees.update(names)


def _toggle(_number: int, _frame: FrameType | None) -> None:
    global _running
    _running = not _running
    if _running:
        signal.signal(signal.SIGPROF, _sample)
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL_S, _INTERVAL_S)
        return
    signal.setitimer(signal.ITIMER_PROF, 0)
    found = {"own": _own, "with_callees": _with_callees}
    file = os.path.join(str(_FOLDER), f"{os.getpid()}.json")
    with open(f"{file}.new", "w", encoding="utf-8") as output:
        json.dump(found, output)
    os.rename(f"{file}.new", file)
    _own.clear()
    _with_callees.clear()


if _FOLDER is not None and any(word in sys.orig_argv for word in ("server", "worker", "worker-process")):
    signal.signal(signal.SIGUSR2, _toggle)
